#!/bin/bash
#BSUB -J train
#BSUB -o "/home/ada/logs/jobs/7/%J.lsf"
#BSUB -m "hostA hostB"
#BSUB -G lab
#BSUB -q normal
#BSUB -app long
#BSUB -U "ada#0"
#BSUB -sp 50

exec >>/home/ada/logs/jobs/7/"${LSB_JOBID}.log" 2>&1
cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${LSB_JOBID}"
