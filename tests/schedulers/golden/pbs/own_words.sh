#!/bin/bash
#PBS -N train
#PBS -S /bin/bash
#PBS -j oe
#PBS -o /home/ada/logs/jobs/7/
#PBS -l 'software="matlab r2024"'
#PBS -l matlab=1
#PBS -P 'climate 2'
#PBS -p -5
#PBS -a 202612312359.30
#PBS -k doe

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${PBS_JOBID}"
