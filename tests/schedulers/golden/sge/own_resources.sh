#!/bin/bash
#$ -S /bin/bash
#$ -N train
#$ -j y
#$ -o /home/ada/logs/jobs/7/$JOB_ID.log
#$ -l h_cpu=3600,arch=lx-*,ssd=true
#$ -soft -l hostname=node1* -hard
#$ -q all.q

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${JOB_ID}"
