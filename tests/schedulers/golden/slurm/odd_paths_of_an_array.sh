#!/bin/bash
#SBATCH --job-name="a \"b\" $c"
#SBATCH --output="/home/ada/it's a \"50%%\" $HOME; [a,b] `c` & #1/jobs/7/%A_%a.log"
#SBATCH --array=0-2

cd '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1' || exit 1
exec '/opt/my env/bin/python' -P -m typedxp.worker --job '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7' --name "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" --element "$SLURM_ARRAY_TASK_ID"
