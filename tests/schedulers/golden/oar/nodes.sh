#!/bin/bash
#OAR -n train
#OAR -O /home/ada/logs/jobs/7/%jobid%.log
#OAR -E /home/ada/logs/jobs/7/%jobid%.log
#OAR -l nodes=2

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${OAR_JOB_ID}"
