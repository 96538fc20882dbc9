#!/bin/bash
#LOCAL --name='a "b" $c'
#LOCAL --output='/home/ada/it'"'"'s a "50%%" $HOME; [a,b] `c` & #1/jobs/7/%n.log'

cd '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1' || exit 1
exec '/opt/my env/bin/python' -P -m typedxp.worker --job '/home/ada/it'"'"'s a "50%" $HOME; [a,b] `c` & #1/jobs/7' --name "${TYPEDXP_LOCAL_JOB_ID}"
