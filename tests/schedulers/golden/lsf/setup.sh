#!/bin/bash
#BSUB -J train
#BSUB -o "/home/ada/logs/jobs/7/%J.lsf"

exec >>/home/ada/logs/jobs/7/"${LSB_JOBID}.log" 2>&1
module purge
module load cuda/12.4
cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${LSB_JOBID}"
