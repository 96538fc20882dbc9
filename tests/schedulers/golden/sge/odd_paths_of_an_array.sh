#!/bin/bash
#$ -S /bin/bash
#$ -N a__b___c
#$ -j y
#$ -o /dev/null
#$ -t 1-3

exec >> '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7'/"$JOB_ID.$SGE_TASK_ID.log" 2>&1
cd '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1' || exit 1
exec '/opt/my env/bin/python' -P -m typedxp.worker --job '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7' --name "${JOB_ID}.${SGE_TASK_ID}" --element "$SGE_TASK_ID"
