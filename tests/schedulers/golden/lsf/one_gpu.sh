#!/bin/bash
#BSUB -J train
#BSUB -o "/home/ada/logs/jobs/7/%J.lsf"
#BSUB -W 2:00
#BSUB -n 4
#BSUB -R "span[hosts=1]"
#BSUB -R "rusage[mem=16G/host]"
#BSUB -M 16G
#BSUB -gpu "num=1/host:j_exclusive=yes"
#BSUB -q gpu

exec >>/home/ada/logs/jobs/7/"${LSB_JOBID}.log" 2>&1
cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${LSB_JOBID}"
