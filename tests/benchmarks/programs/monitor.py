"""Sample the machine every second for so many seconds, or do nothing."""

import sys
import time
from contextlib import nullcontext
from pathlib import Path

from typedxp.stages.execute.monitor import monitored
from typedxp.stages.record import Run

how, seconds = sys.argv[1:]
directory = Path("monitor")
directory.mkdir(exist_ok=True)
run = Run(directory, id=1, timestamps=True)
with monitored(1.0, lambda sample: run.log_metrics(sample, "system")) if how == "on" else nullcontext():
    time.sleep(float(seconds))
