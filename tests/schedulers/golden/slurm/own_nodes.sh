#!/bin/bash
#SBATCH --job-name=train
#SBATCH --output=/home/ada/logs/jobs/7/%j.log
#SBATCH --exclusive
#SBATCH --constraint="skylake&ib"
#SBATCH --prefer=ib
#SBATCH --nodelist="n[1-3]"
#SBATCH --exclude=n2
#SBATCH --switches=1@12:00:00

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${SLURM_JOB_ID}"
