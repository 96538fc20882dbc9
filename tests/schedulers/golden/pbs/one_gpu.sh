#!/bin/bash
#PBS -N train
#PBS -S /bin/bash
#PBS -j oe
#PBS -o /home/ada/logs/jobs/7/
#PBS -l select=1:ncpus=4:mem=16gb:ngpus=1
#PBS -l walltime=02:00:00
#PBS -q gpu

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${PBS_JOBID}"
