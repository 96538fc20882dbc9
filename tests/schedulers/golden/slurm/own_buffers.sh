#!/bin/bash
#SBATCH --job-name=train
#SBATCH --output=/home/ada/logs/jobs/7/%j.log
#SBATCH --bbf="/home/ada/my buffers"

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${SLURM_JOB_ID}"
