#!/bin/bash
#SBATCH --job-name=train
#SBATCH --output=/home/ada/logs/jobs/7/%j.log
#SBATCH --mem-per-gpu=8G
#SBATCH --ntasks-per-gpu=1
#SBATCH --gpus-per-node=a100:2
#SBATCH --gpu-bind=closest
#SBATCH --gpu-freq=medium,memory=high
#SBATCH --cpus-per-gpu=4

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${SLURM_JOB_ID}"
