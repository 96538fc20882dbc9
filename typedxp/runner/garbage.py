"""Owns the pace of Python's garbage collector while a command line is prepared."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_ALLOCATIONS = 1_000_000


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the collector run seldom, until the end of the block.

    Importing libraries and planning points makes many objects that stay: looking through all of them again and again
    takes a tenth of the time from the command to the first run.
    """
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            # Together, these make all that was made old, without looking through it.
            gc.freeze()
            gc.unfreeze()
        gc.set_threshold(*before)
