#!/bin/bash
#$ -S /bin/bash
#$ -N sweep
#$ -j y
#$ -o /home/ada/logs/jobs/7/$JOB_ID.$TASK_ID.log
#$ -t 1-20
#$ -tc 4
#$ -pe smp 32
#$ -l h_rt=93784
#$ -l s_rt=93484
#$ -l h_vmem=1G
#$ -l gpu=4
#$ -l gpu_model=a100
#$ -A physics
#$ -q gpu
#$ -r y
#$ -M ada@example.org
#$ -m bea

module load cuda
source ~/env/bin/activate
export TYPEDXP_GRACE=300
export OMP_NUM_THREADS=8
cd /home/ada/project || exit 1
exec apptainer exec --nv 'my image.sif' /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${JOB_ID}.${SGE_TASK_ID}" --element "$SGE_TASK_ID"
