"""Owns measuring: what a command costs, beside what another one costs at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Command = tuple[str, ...]

# Start-up is measured as users have it, with every module compiled once and for all.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Spent:
    """What one process took.

    When it was started (ns since 1970), how long it lived, how long it computed (s), its largest memory (bytes).
    """

    start: int
    seconds: float
    cpu: float
    memory: int


Probe = Callable[[Spent, Path], float]
"""Reads the figure that matters from what a process took, and from the directory it ran in."""


def lifetime(spent: Spent, place: Path) -> float:
    """Return the wall time of the process, in seconds."""
    return spent.seconds


def memory(spent: Spent, place: Path) -> float:
    """Return the largest resident memory of the process, in bytes."""
    return spent.memory


def cpu(spent: Spent, place: Path) -> float:
    """Return the user and system time of the process, in seconds."""
    return spent.cpu


def until(moment: str) -> Probe:
    """Return the probe of the seconds from the start of the process to the moment that it wrote to a file."""
    return lambda spent, place: (int((place / moment).read_text()) - spent.start) / 1e9


def told(spent: Spent, place: Path) -> float:
    """Return the seconds that the process measured itself, and wrote to the file `seconds`."""
    return float((place / "seconds").read_text())


@dataclass(frozen=True)
class Cost:
    """The cost of a command, or of each of the `units` that it does beyond the command `less`."""

    command: Command
    less: Command | None = None
    units: int = 1
    probe: Probe = lifetime


def compare(costs: Sequence[Cost], repeats: int, place: Path) -> list[float]:
    """Measure costs by turns, so that a slow moment of the machine hits all of them; return the least of each.

    The least, since other processes only ever add to what is measured.
    """
    runs: dict[tuple[Command, Probe], list[float]] = {
        (command, cost.probe): [] for cost in costs for command in (cost.command, cost.less) if command
    }
    for _ in range(repeats):
        for (command, probe), figures in runs.items():
            figures.append(probe(execute(command, place), place))
    least = {run: min(figures) for run, figures in runs.items()}
    return [
        (least[cost.command, cost.probe] - (least[cost.less, cost.probe] if cost.less else 0)) / cost.units
        for cost in costs
    ]


def execute(command: Command, place: Path) -> Spent:
    """Run a command in `place` to its end; one that fails ends the benchmark with what it said."""
    with tempfile.TemporaryFile() as said:
        start, clock = time.time_ns(), time.perf_counter()
        process = subprocess.Popen(
            command, cwd=place, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - clock
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(f"`{' '.join(command)}` exited with {process.returncode}:\n{said.read().decode(errors='replace')}")
    # macOS counts bytes, everybody else kibibytes.
    return Spent(
        start, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    )
