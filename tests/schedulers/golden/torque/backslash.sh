#!/bin/bash
#PBS -N train
#PBS -S /bin/bash
#PBS -j oe
#PBS -o /dev/null

exec >>'/home/ada/a\b/7'/"output.o${PBS_JOBID%%[^0-9]*}" 2>&1
cd '/home/ada/a\b' || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${PBS_JOBID}"
