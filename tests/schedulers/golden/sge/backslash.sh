#!/bin/bash
#$ -S /bin/bash
#$ -N train
#$ -j y
#$ -o /dev/null

exec >> '/home/ada/a\b/7'/"$JOB_ID.log" 2>&1
cd '/home/ada/a\b' || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${JOB_ID}"
