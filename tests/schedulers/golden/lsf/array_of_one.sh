#!/bin/bash
#BSUB -J "train[1-1]"
#BSUB -o "/home/ada/logs/jobs/7/%J_%I.lsf"

exec >>/home/ada/logs/jobs/7/"${LSB_JOBID}_${LSB_JOBINDEX}.log" 2>&1
cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${LSB_JOBID}[${LSB_JOBINDEX}]" --element "$LSB_JOBINDEX"
