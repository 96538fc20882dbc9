"""An experiment that writes down when its file and its function were reached, in nanoseconds since 1970."""

import time

FILE_REACHED = time.time_ns()

from pathlib import Path

import typedxp


@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    Path("file_reached").write_text(str(FILE_REACHED))
    Path("function_reached").write_text(str(time.time_ns()))


if __name__ == "__main__":
    train.main()
