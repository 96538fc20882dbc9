#!/bin/bash
#BSUB -J "a__b___c[1-3]"
#BSUB -o "/dev/null"

exec >>'/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7'/"${LSB_JOBID}_${LSB_JOBINDEX}.log" 2>&1
cd '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1' || exit 1
exec '/opt/my env/bin/python' -P -m typedxp.worker --job '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7' --name "${LSB_JOBID}[${LSB_JOBINDEX}]" --element "$LSB_JOBINDEX"
