"""Owns what the machine does while a run is executed."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from typedxp.errors import ExecutionError, RecordError
from typedxp.stages.execute.rhythm import every
from typedxp.vocabulary.records import Usage

_MEBI = 2**20

Log = Callable[[Mapping[str, float]], None]
"""Takes one sample."""


class Meter:
    """Measures what this process uses, from now on."""

    def __init__(self) -> None:
        self._wall = time.monotonic()
        self._start = _times()

    def read(self) -> Usage:
        """Return what was used since: seconds, and the most memory that the process ever had, in bytes."""
        user, system = (now - then for now, then in zip(_times(), self._start, strict=True))
        # getrusage(2): kibibytes on Linux, bytes on macOS.
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        return Usage(round(time.monotonic() - self._wall, 3), round(user, 3), round(system, 3), peak)


@contextmanager
def monitored(seconds: float, log: Log) -> Iterator[None]:
    """Log a sample of the machine every so many seconds, until the end of the block.

    A sample has the CPU use of the process (percent of one core) and of the machine, memory of both and disk traffic of
    the process (MiB), and, where NVIDIA's library finds GPUs, their use (percent) and memory (MiB).

    Raises:
        ExecutionError: psutil is not installed.
    """
    sample = _sampler()

    def look() -> None:
        # What cannot be recorded any more, for example because the disk is full, is not the run's failure.
        with suppress(RecordError, OSError):
            log(sample())

    try:
        with every(seconds, look):
            yield
    finally:
        look()


def _sampler() -> Callable[[], dict[str, float]]:
    try:
        import psutil
    except ImportError as error:
        raise ExecutionError("xp.monitor needs psutil: pip install 'typedxp[monitor]'.") from error
    process = psutil.Process()
    process.cpu_percent()
    psutil.cpu_percent()
    gpus = _gpu_sampler()

    def sample() -> dict[str, float]:
        found: dict[str, float] = {}
        # What a system does not tell is left out.
        with suppress(psutil.Error, OSError), process.oneshot():
            found |= {
                "cpu_percent": process.cpu_percent(),
                "memory_mib": process.memory_info().rss / _MEBI,
                "machine_cpu_percent": psutil.cpu_percent(),
                "machine_memory_mib": psutil.virtual_memory().used / _MEBI,
            }
            with suppress(AttributeError):
                traffic = process.io_counters()
                found |= {"read_mib": traffic.read_bytes / _MEBI, "written_mib": traffic.write_bytes / _MEBI}
        return found | gpus()

    return sample


def _gpu_sampler() -> Callable[[], dict[str, float]]:
    try:
        import pynvml

        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # noqa: BLE001 - no library, no driver, no GPU: each says so in its own way
        return dict

    def sample() -> dict[str, float]:
        found: dict[str, float] = {}
        for index, handle in enumerate(handles):
            with suppress(Exception):
                found[f"gpu{index}_percent"] = float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
                found[f"gpu{index}_memory_mib"] = pynvml.nvmlDeviceGetMemoryInfo(handle).used / _MEBI
        return found

    return sample


def _times() -> tuple[float, float]:
    """Return the user and system time of this process and its ended children, in seconds."""
    times: Any = os.times()
    return times.user + times.children_user, times.system + times.children_system
