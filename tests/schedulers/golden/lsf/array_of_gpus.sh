#!/bin/bash
#BSUB -J "train[1-100]%2"
#BSUB -o "/home/ada/logs/jobs/7/%J_%I.lsf"
#BSUB -W 2:00
#BSUB -n 4
#BSUB -R "span[hosts=1]"
#BSUB -gpu "num=1/host:j_exclusive=yes"

exec >>/home/ada/logs/jobs/7/"${LSB_JOBID}_${LSB_JOBINDEX}.log" 2>&1
cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${LSB_JOBID}[${LSB_JOBINDEX}]" --element "$LSB_JOBINDEX"
