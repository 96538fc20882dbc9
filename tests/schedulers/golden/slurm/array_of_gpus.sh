#!/bin/bash
#SBATCH --job-name=train
#SBATCH --output=/home/ada/logs/jobs/7/%A_%a.log
#SBATCH --array=0-99%2
#SBATCH --time=02:00:00
#SBATCH --cpus-per-task=4
#SBATCH --gres=gpu:1

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" --element "$SLURM_ARRAY_TASK_ID"
