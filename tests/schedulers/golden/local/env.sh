#!/bin/bash
#LOCAL --name=train
#LOCAL --output=/home/ada/logs/jobs/7/%n.log

export OMP_NUM_THREADS=8
export GREETING='it'"'"'s a $HOME'
cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${TYPEDXP_LOCAL_JOB_ID}"
