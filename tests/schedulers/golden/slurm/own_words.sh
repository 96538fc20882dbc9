#!/bin/bash
#SBATCH --job-name=train
#SBATCH --output=/home/ada/logs/jobs/7/%j.log
#SBATCH --mail-user=ada@example.org
#SBATCH --mail-type=END,TIME_LIMIT_80
#SBATCH --comment="it's \"mine\" #1"
#SBATCH --acctg-freq=task=30
#SBATCH --mcs-label=x

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${SLURM_JOB_ID}"
