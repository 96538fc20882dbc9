"""Owns waiting for jobs: ``xp.wait=true`` and ``typedxp status --watch``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING

from typedxp.runner.following import Standing, follow
from typedxp.runner.standings import Lines, counted, points_of
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus

if TYPE_CHECKING:
    from rich.live import Live

PAUSES = (1.0, 2.0, 3.0, 5.0)
"""Seconds between the first questions to a scheduler; from then on the last of them: others ask it, too."""

Shown = Callable[[Sequence[Standing]], None]
"""Is told where the runs stand, each time that is asked."""

_SHOWN = (
    RunStatus.RUNNING,
    RunStatus.FAILED,
    RunStatus.TIMEOUT,
    RunStatus.OUT_OF_MEMORY,
    RunStatus.LOST,
    RunStatus.PREEMPTED,
    RunStatus.CANCELLED,
    RunStatus.SUBMITTED,
    RunStatus.PLANNED,
    RunStatus.COMPLETED,
)
"""Where runs stand, what is looked for first before the rest: a screen may not hold all of them."""


def wait(
    store: Store, runs: Sequence[RunDirectory], shown: Shown, warn: Callable[[str], None], shell: Shell = local_shell
) -> list[Standing]:
    """Wait until all of some runs have ended; return how. Stopping to wait does nothing to them.

    Raises:
        StoreError: a run cannot be read.
    """
    warned: set[str] = set()

    def warn_once(text: str) -> None:
        if text not in warned:
            warned.add(text)
            warn(text)

    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        standings = follow(store, runs, warn_once, shell)
        shown(standings)
        if all(standing.status.status.final for standing in standings):
            return standings
        time.sleep(pause)
    raise AssertionError


def exit_code(runs: Sequence[RunDirectory], standings: Sequence[Standing]) -> int:
    """Return the exit code of a sweep: 0 if all runs completed, 1 if any did not, or stands nobody knows where."""
    completed = sum(standing.status.status is RunStatus.COMPLETED for standing in standings)
    return 0 if completed == len(runs) else 1


class Watch:
    """Shows where runs stand: as a live table on a terminal that can, elsewhere as a line whenever it changes."""

    def __init__(self) -> None:
        self._last = ""
        self._live: Live | None = None
        self._lines: Lines | None = None

    def __call__(self, standings: Sequence[Standing]) -> None:
        """Show where the runs stand."""
        if sys.stderr is None:
            # A shell has closed it: `2>&-`.
            return
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._show(standings)
        elif (text := counted(standings)) != self._last:
            print(text, file=sys.stderr, flush=True)
            self._last = text

    def close(self, *, clear: bool = False) -> None:
        """Leave the table as it is, or ``clear`` the place of it."""
        if self._live is not None:
            self._live.transient = clear
            self._live.stop()
        self._live = None

    def _show(self, standings: Sequence[Standing]) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        if self._lines is None:
            # Once, since what runs were given does not change.
            self._lines = Lines(points_of(standings))
        if self._live is None:
            self._live = Live(console=Console(stderr=True), auto_refresh=False)
            self._live.start()
        lines = _chosen(standings, self._lines, rows=max(1, self._live.console.height - 3))
        # Text, since what others say may look like markup.
        self._live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)


def _chosen(standings: Sequence[Standing], lines: Lines, rows: int) -> list[str]:
    """Write as many lines as there is room for, those first that are looked for, and how many runs stand where."""
    ordered = sorted(standings, key=lambda one: (_SHOWN.index(one.status.status), one.directory.id))
    more = [f"        and {len(standings) - rows} more"] if len(standings) > rows else []
    return [*map(lines.line, ordered[:rows]), *more, counted(standings)]
