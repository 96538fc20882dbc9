#!/bin/bash
#BSUB -J "sweep[1-20]%4"
#BSUB -o "/home/ada/logs/jobs/7/%J_%I.lsf"
#BSUB -W 26:04
#BSUB -n 32
#BSUB -R "span[ptile=16]"
#BSUB -R "rusage[mem=16G/host]"
#BSUB -gpu "num=2/host:j_exclusive=yes:gmodel=a100"
#BSUB -P physics
#BSUB -q gpu
#BSUB -r
#BSUB -Q "99"
#BSUB -wa USR1 -wt 5
#BSUB -u ada@example.org
#BSUB -B
#BSUB -N

exec >>/home/ada/logs/jobs/7/"${LSB_JOBID}_${LSB_JOBINDEX}.log" 2>&1
module load cuda
source ~/env/bin/activate
export TYPEDXP_GRACE=300
export OMP_NUM_THREADS=8
cd /home/ada/project || exit 1
exec apptainer exec --nv 'my image.sif' /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${LSB_JOBID}[${LSB_JOBINDEX}]" --element "$LSB_JOBINDEX"
