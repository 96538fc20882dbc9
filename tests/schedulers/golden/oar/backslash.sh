#!/bin/bash
#OAR -n train
#OAR -O /dev/null
#OAR -E /dev/null

exec >> '/home/ada/a\b/7'/"$OAR_JOB_ID.log" 2>&1
cd '/home/ada/a\b' || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${OAR_JOB_ID}"
