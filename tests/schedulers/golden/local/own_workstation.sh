#!/bin/bash
#LOCAL --name='it'"'"'s a "sweep"'
#LOCAL --output=/home/ada/logs/jobs/7/%n.log
#LOCAL --time=43200
#LOCAL --warn=300
#LOCAL --cpus=4
#LOCAL --gpus=1
#LOCAL --gpu-ids=0,1
#LOCAL --requeue

export TYPEDXP_GRACE=300
cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${TYPEDXP_LOCAL_JOB_ID}"
