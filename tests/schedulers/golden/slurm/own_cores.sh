#!/bin/bash
#SBATCH --job-name=train
#SBATCH --output=/home/ada/logs/jobs/7/%j.log
#SBATCH --mincpus=4
#SBATCH --sockets-per-node=2
#SBATCH --cores-per-socket=8
#SBATCH --threads-per-core=1
#SBATCH --core-spec=1
#SBATCH --cpu-freq=Performance

cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${SLURM_JOB_ID}"
