#!/bin/bash
#BSUB -J train
#BSUB -o "/dev/null"

exec >>'/home/ada/a\b/7'/"${LSB_JOBID}.log" 2>&1
cd '/home/ada/a\b' || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${LSB_JOBID}"
