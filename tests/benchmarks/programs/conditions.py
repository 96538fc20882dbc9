"""The conditions under which reading is measured: a clock, what was done before, and what is not there."""

import importlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np


def load() -> None:
    """Import what reading uses, so that the clock does not count it."""
    for name in ("pandas", "netCDF4", "dask.array", "typedxp.results.backend"):
        with suppress(ImportError):
            importlib.import_module(name)


@contextmanager
def clock() -> Iterator[None]:
    """Write the seconds that the block takes into the file `seconds`."""
    start = time.perf_counter()
    yield
    Path("seconds").write_text(str(time.perf_counter() - start))


def forget(place: Path) -> None:
    """Remove what earlier readers have kept."""
    shutil.rmtree(place / "logs" / ".typedxp", ignore_errors=True)


def check(place: Path, found: np.ndarray) -> None:
    """Compare means over seeds with the right ones: an array of learning rates, widths and steps.

    Raises:
        AssertionError: they differ.
    """
    np.testing.assert_allclose(found, np.load(place / "loss.npy").mean(axis=2), rtol=1e-12)


@contextmanager
def alone(run: Path) -> Iterator[None]:
    """Take the metrics of all other runs away for a while."""
    others = [path for path in run.parent.iterdir() if path.name.isdigit() and path != run]
    # As they were again in the end, the times of the directories included.
    times = [path.stat() for path in others]
    for path in others:
        (path / "metrics").rename(path / "away")
    try:
        yield
    finally:
        for path, before in zip(others, times, strict=True):
            (path / "away").rename(path / "metrics")
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
