"""Owns the pace of Python's garbage collector while a command line is prepared."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_ALLOCATIONS = 1_000_000


@contextmanager
def seldom_collected(*, stays: bool = False) -> Iterator[None]:
    """Let the collector run seldom, until the end of the block.

    Importing libraries and planning points makes many objects. Looking through all of them again and again, and once
    more when Python exits, takes a fifth of the time of a short run. With ``stays``, for a process that ends after the
    runs, the collector leaves alone for good what there is at the end of the block; otherwise it only counts as old.
    """
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        if stays:
            gc.freeze()
        elif not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        gc.set_threshold(*before)
