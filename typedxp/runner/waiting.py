"""Owns waiting for jobs: ``xp.wait=true`` and ``typedxp status --watch``."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, repeat

from typedxp.runner.following import Standing, follow
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus

PAUSES = (1.0, 2.0, 3.0, 5.0)
"""Seconds between the first questions to a scheduler; from then on the last of them: others ask it, too."""

Shown = Callable[[Sequence[Standing]], None]
"""Is told where the runs stand, each time that is asked."""


def wait(
    store: Store, runs: Sequence[RunDirectory], shown: Shown, warn: Callable[[str], None], shell: Shell = local_shell
) -> list[Standing]:
    """Wait until all of some runs have ended; return how. Stopping to wait does nothing to them.

    Raises:
        StoreError: a run cannot be read.
    """
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        standings = follow(store, runs, warn, shell)
        shown(standings)
        if all(standing.status.status.final for standing in standings):
            return standings
        time.sleep(pause)
    raise AssertionError


def exit_code(standings: Sequence[Standing]) -> int:
    """Return the exit code of a sweep: 0 if all runs completed, 1 if any did not."""
    return 0 if all(standing.status.status is RunStatus.COMPLETED for standing in standings) else 1


def counted(standings: Sequence[Standing]) -> str:
    """Count the runs by where they stand: ``3 completed, 1 running, 16 submitted``."""
    counts = Counter(standing.status.status for standing in standings)
    return ", ".join(f"{counts[word]} {word}" for word in RunStatus if counts[word])


class Line:
    """Shows where runs stand in one line: over and over on a terminal, whenever it changes elsewhere."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, standings: Sequence[Standing]) -> None:
        """Show where the runs stand."""
        text = counted(standings)
        if text != self._last:
            clear = "\r\033[K" if sys.stderr.isatty() else ""
            end = "" if sys.stderr.isatty() else "\n"
            print(f"{clear}{text}", end=end, file=sys.stderr, flush=True)
            self._last = text

    def close(self) -> None:
        """Leave the line."""
        if self._last and sys.stderr.isatty():
            print(file=sys.stderr)
        self._last = ""
