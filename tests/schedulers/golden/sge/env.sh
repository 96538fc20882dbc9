#!/bin/bash
#$ -S /bin/bash
#$ -N train
#$ -j y
#$ -o /home/ada/logs/jobs/7/$JOB_ID.log

export OMP_NUM_THREADS=8
export GREETING='it'"'"'s a $HOME'
cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${JOB_ID}"
