#!/bin/bash
#MSUB -N a__b___c
#MSUB -S /bin/bash
#MSUB -E
#MSUB -j oe
#MSUB -o /dev/null
#MSUB -V
#MSUB -t a__b___c.[1-3]

exec >>'/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7'/"${MOAB_JOBID%%[[]*}_${MOAB_JOBARRAYINDEX}.log" 2>&1
cd '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1' || exit 1
exec '/opt/my env/bin/python' -P -m typedxp.worker --job '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7' --name "${MOAB_JOBID%%[[]*}[${MOAB_JOBARRAYINDEX}]" --element "$MOAB_JOBARRAYINDEX"
