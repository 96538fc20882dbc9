#!/bin/bash
#OAR -n train
#OAR -O /home/ada/logs/jobs/7/%jobid%.log
#OAR -E /home/ada/logs/jobs/7/%jobid%.log
#OAR -l nodes=1/gpu=1
#OAR -p (cluster = 'dahu' OR cluster = 'yeti') AND memnode >= 16384 AND gpu_model = 'A100 "it''s"'

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${OAR_JOB_ID}"
