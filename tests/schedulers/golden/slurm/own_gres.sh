#!/bin/bash
#SBATCH --job-name=train
#SBATCH --output=/home/ada/logs/jobs/7/%j.log
#SBATCH --gres=gpu:a100:2
#SBATCH --gres-flags=enforce-binding

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${SLURM_JOB_ID}"
