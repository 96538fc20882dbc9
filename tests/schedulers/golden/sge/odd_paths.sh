#!/bin/bash
#$ -S /bin/bash
#$ -N a__b___c
#$ -j y
#$ -o /dev/null

exec >> '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7'/"$JOB_ID.log" 2>&1
cd '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1' || exit 1
exec '/opt/my env/bin/python' -P -m typedxp.worker --job '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7' --name "${JOB_ID}"
