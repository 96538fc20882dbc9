"""Owns the rest that Python's garbage collector has in a worker until the experiment begins.

It rests by its threshold, and is not switched off, so that a script that switches it off when it is imported is heeded.
"""

from __future__ import annotations

import gc

_usual = gc.get_threshold()


def collect_nothing() -> None:
    """Let the collector rest: all that is loaded from now on stays."""
    gc.set_threshold(0)


def collect_again() -> None:
    """Let it work as usual, if it still rests, but not look through what is there now."""
    if gc.get_threshold()[0] == 0:
        gc.freeze()
        gc.set_threshold(*_usual)
