#!/bin/bash
#SBATCH --job-name="a \"b\" $c"
#SBATCH --output="/home/ada/it's a \"50%%\" $HOME; [a,b] `c` & #1/jobs/7/%j.log"

cd '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1' || exit 1
exec '/opt/my env/bin/python' -P -m typedxp.worker --job '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7' --name "${SLURM_JOB_ID}"
