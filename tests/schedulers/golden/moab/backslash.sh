#!/bin/bash
#MSUB -N train
#MSUB -S /bin/bash
#MSUB -E
#MSUB -j oe
#MSUB -o /dev/null

exec >>'/home/ada/a\b/7'/"${MOAB_JOBID%%[[]*}.log" 2>&1
cd '/home/ada/a\b' || exit 1
exec /opt/env/bin/python -P -m typedxp.worker --job /home/ada/logs/jobs/7 --name "${MOAB_JOBID}"
