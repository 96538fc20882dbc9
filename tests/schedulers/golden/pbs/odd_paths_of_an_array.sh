#!/bin/bash
#PBS -N a__b___c
#PBS -S /bin/bash
#PBS -j oe
#PBS -o /dev/null
#PBS -J 0-2

exec >>'/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7'/"$PBS_JOBID".OU 2>&1
cd '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1' || exit 1
exec '/opt/my env/bin/python' -P -m typedxp.worker --job '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7' --name "${PBS_JOBID}" --element "$PBS_ARRAY_INDEX"
