#!/bin/bash
#MSUB -N train
#MSUB -S /bin/bash
#MSUB -E
#MSUB -j oe
#MSUB -o /home/ada/logs/jobs/7/moab.log
#MSUB -V
#MSUB -t train.[1-20]

exec >>/home/ada/logs/jobs/7/"${MOAB_JOBID%%[[]*}_${MOAB_JOBARRAYINDEX}.log" 2>&1
cd /home/ada/project || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${MOAB_JOBID%%[[]*}[${MOAB_JOBARRAYINDEX}]" --element "$MOAB_JOBARRAYINDEX"
