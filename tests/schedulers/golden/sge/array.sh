#!/bin/bash
#$ -S /bin/bash
#$ -N train
#$ -j y
#$ -o /home/ada/logs/jobs/7/$JOB_ID.$TASK_ID.log
#$ -t 1-20

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${JOB_ID}.${SGE_TASK_ID}" --element "$SGE_TASK_ID"
