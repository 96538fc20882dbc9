#!/bin/bash
#BSUB -J train
#BSUB -o "/home/ada/logs/jobs/7/%J.lsf"
#BSUB -R "select[type==any && mem>1000]"
#BSUB -R "order[r1m:pg]"
#BSUB -R "rusage[scratch=10]"
#BSUB -R "same[model]"

exec >>/home/ada/logs/jobs/7/"${LSB_JOBID}.log" 2>&1
cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${LSB_JOBID}"
