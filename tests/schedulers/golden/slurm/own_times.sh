#!/bin/bash
#SBATCH --job-name=train
#SBATCH --output=/home/ada/logs/jobs/7/%j.log
#SBATCH --time=02:00:00
#SBATCH --time-min=01:00:00
#SBATCH --begin=now+1hour
#SBATCH --deadline=now+1day
#SBATCH --delay-boot=10
#SBATCH --priority=7
#SBATCH --nice=100
#SBATCH --hold

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${SLURM_JOB_ID}"
