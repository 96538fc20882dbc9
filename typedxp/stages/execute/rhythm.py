"""Owns what is done again and again beside a run."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def every(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Do something every so many seconds, in the background, until the end of the block and not after it."""
    done, acting = threading.Event(), threading.Lock()

    def repeat() -> None:
        while not done.wait(seconds):
            with acting:
                if not done.is_set():
                    act()

    # Not threading.Thread, which waits for the thread to come up, and has to be waited for in the end: for a short run,
    # that is half of what it costs.
    _thread.start_new_thread(repeat, ())
    try:
        yield
    finally:
        with acting:
            done.set()
