"""Give jobs to a real Slurm, and write down what it took: `python cluster.py HOW`."""

import time

FILE_REACHED = time.time_ns()

import shutil
import subprocess
import sys
from pathlib import Path

import typedxp

COUNT = 500
CALLS = 100


@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    Path(run.directory, "reached").write_text(f"{FILE_REACHED} {time.time_ns()}")


def _cancel() -> None:
    subprocess.run(["scancel", "--name=train", "--name=bare"], check=False)


def _launch(count: int, **fields: object) -> typedxp.SweepHandle:
    shutil.rmtree("logs", ignore_errors=True)
    profile = {"scheduler": "slurm", "time": "5m", **fields}
    return train.sweep({"seed": range(count)}, xp={"profile": profile, "snapshot": "off", "max_runs": count})


def submit() -> float:
    """Submit runs whose directories are there, as `launch_jobs` does after it has allocated them."""
    from typedxp.runner import submitting

    spent = []
    inner = submitting.submit_runs

    def timed(*arguments):
        start = time.perf_counter()
        made = list(inner(*arguments))
        spent.append(time.perf_counter() - start)
        return iter(made)

    submitting.submit_runs = timed
    _launch(COUNT, hold=True)
    return spent[0]


def _sbatch(*options: str) -> float:
    Path("bare.sh").write_text("#!/bin/bash\ntrue\n")
    start = time.perf_counter()
    subprocess.run(
        ["sbatch", "--parsable", "--hold", "--job-name=bare", "--output=/dev/null", *options, "bare.sh"],
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - start


def array() -> float:
    """Submit an array of nothing."""
    return _sbatch(f"--array=0-{COUNT - 1}")


def each() -> float:
    """Submit one job after the other; some of them stand for all."""
    return sum(_sbatch() for _ in range(CALLS)) * COUNT / CALLS


def status() -> float:
    """Ask for the status of runs in a queue."""
    _launch(2 * COUNT, hold=True, max_array=COUNT)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "typedxp", "status"], check=True, capture_output=True)
    return time.perf_counter() - start


def _element(moment: int) -> float:
    """Execute one element on a cluster that has nothing else to do; tell when it reached its file, and its function."""
    sweep = _launch(1, setup=["date +%s%N > started"]).wait()
    reached = (sweep[0].directory / "reached").read_text().split()
    return (int(reached[moment]) - int(Path("started").read_text())) / 1e9


def element() -> float:
    """Measure the start of an element up to the first line of the function."""
    return _element(1)


def element_file() -> float:
    """Measure the start of an element up to the first line of the user's file."""
    return _element(0)


HOW = {measure.__name__: measure for measure in (submit, array, each, status, element, element_file)}

if __name__ == "__main__":
    try:
        seconds = HOW[sys.argv[1]]()
    finally:
        _cancel()
    Path("seconds").write_text(str(seconds))
