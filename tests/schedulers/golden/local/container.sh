#!/bin/bash
#LOCAL --name=train
#LOCAL --output=/home/ada/logs/jobs/7/%n.log

cd /home/ada/project || exit 1
exec apptainer exec --nv 'my image.sif' /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${TYPEDXP_LOCAL_JOB_ID}"
