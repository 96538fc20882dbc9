"""An experiment that writes down when it was reached, in nanoseconds since 1970."""

import time
from pathlib import Path

import typedxp


@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    Path("first_line").write_text(str(time.time_ns()))


if __name__ == "__main__":
    train.main()
