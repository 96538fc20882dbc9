#!/bin/bash
#$ -S /bin/bash
#$ -N train
#$ -j y
#$ -o /home/ada/logs/jobs/7/$JOB_ID.log
#$ -M ada@example.org
#$ -m ba

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${JOB_ID}"
