#!/bin/bash
#LOCAL --name=train
#LOCAL --output=/home/ada/logs/jobs/7/%n.log
#LOCAL --cpus=8

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${TYPEDXP_LOCAL_JOB_ID}"
