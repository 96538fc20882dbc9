#!/bin/bash
#SBATCH --job-name=sweep
#SBATCH --output=/home/ada/logs/jobs/7/%A_%a.log
#SBATCH --array=0-19%4
#SBATCH --time=1-02:03:04
#SBATCH --nodes=2
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --gres=gpu:a100:2
#SBATCH --account=physics
#SBATCH --partition=gpu
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
#SBATCH --mail-user=ada@example.org
#SBATCH --mail-type=BEGIN,END,FAIL

module load cuda
source ~/env/bin/activate
export TYPEDXP_GRACE=300
export OMP_NUM_THREADS=8
cd /home/ada/project || exit 1
exec apptainer exec --nv 'my image.sif' /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" --element "$SLURM_ARRAY_TASK_ID"
