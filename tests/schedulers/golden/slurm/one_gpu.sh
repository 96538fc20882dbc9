#!/bin/bash
#SBATCH --job-name=train
#SBATCH --output=/home/ada/logs/jobs/7/%j.log
#SBATCH --time=02:00:00
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --gres=gpu:1
#SBATCH --partition=gpu

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${SLURM_JOB_ID}"
