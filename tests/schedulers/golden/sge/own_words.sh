#!/bin/bash
#$ -S /bin/bash
#$ -N train
#$ -j y
#$ -o /home/ada/logs/jobs/7/$JOB_ID.log
#$ -P climate
#$ -masterq all.q
#$ -notify
#$ -p -5
#$ -R y
#$ -ar 7
#$ -a 202612312359.30
#$ -dl 202701312359
#$ -ckpt user
#$ -c sx
#$ -hold_jid 12,other*
#$ -binding linear:4
#$ -js 10
#$ -w e
#$ -V

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${JOB_ID}"
