"""Owns what tells a process of this machine from a later one, to which the system gives the same number."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def process_start(pid: int) -> str | None:
    """Return when a process was started, in a form that is only good for comparing; None if there is none.

    Source: proc(5), field 22 of /proc/PID/stat, counted after the name, which may hold spaces and parentheses. Where
    there is no /proc, the answer is empty for every process.
    """
    if not (PROC / "self/stat").exists():
        return "" if _answers(pid) else None
    with suppress(OSError, IndexError):
        state, *fields = (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
        # One that has ended, and that its parent has not asked after, is there as a zombie.
        return None if state in "ZX" else fields[18]
    return None


def alive(pid: int | None, start: str | None) -> bool:
    """Whether a process is there that was started then."""
    return pid is not None and process_start(pid) == start is not None


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
