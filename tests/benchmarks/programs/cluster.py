"""Give jobs to a real Slurm, and write down what it took: `python cluster.py HOW`."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import typedxp

COUNT = 500
CALLS = 100


@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    Path(run.directory, "first_line").write_text(str(time.time_ns()))


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


def element() -> float:
    """Execute one element on a cluster that has nothing else to do."""
    sweep = _launch(1, setup=["date +%s%N > started"]).wait()
    place = sweep[0].directory
    return (int((place / "first_line").read_text()) - int(Path("started").read_text())) / 1e9


if __name__ == "__main__":
    try:
        seconds = {"submit": submit, "array": array, "each": each, "status": status, "element": element}[sys.argv[1]]()
    finally:
        _cancel()
    Path("seconds").write_text(str(seconds))
