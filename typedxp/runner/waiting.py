"""Owns waiting for jobs: ``xp.wait=true`` and ``typedxp status --watch``."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING

from typedxp.runner.following import Standing, follow
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

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


def exit_code(standings: Sequence[Standing]) -> int:
    """Return the exit code of a sweep: 0 if all runs completed, 1 if any did not."""
    return 0 if all(standing.status.status is RunStatus.COMPLETED for standing in standings) else 1


def counted(standings: Sequence[Standing]) -> str:
    """Count the runs by where they stand: ``3 completed, 1 running, 16 submitted``."""
    counts = Counter(standing.status.status for standing in standings)
    return ", ".join(f"{counts[word]} {word}" for word in RunStatus if counts[word])


def explained(standing: Standing) -> str:
    """Say in one line why a run stands where it does: in the scheduler's words while it is in a queue."""
    found = standing.found
    if standing.status.status.final or found is None or standing.job is None:
        text = standing.status.cause
    else:
        reason = f" ({found.reason})" if found.reason else ""
        text = f"{standing.job.scheduler} {standing.name}: {found.native}{reason}"
    line = (text or "").partition("\n")[0]
    return line if line.isprintable() else ascii(line)[1:-1]


class Watch:
    """Shows where runs stand: as a live table on a terminal, elsewhere as a line whenever it changes."""

    def __init__(self) -> None:
        self._last = ""
        self._live: Live | None = None

    def __call__(self, standings: Sequence[Standing]) -> None:
        """Show where the runs stand."""
        if sys.stderr.isatty():
            self._show(standings)
        elif (text := counted(standings)) != self._last:
            print(text, file=sys.stderr, flush=True)
            self._last = text

    def close(self) -> None:
        """Leave the table as it is."""
        if self._live is not None:
            self._live.stop()
        self._live = None

    def _show(self, standings: Sequence[Standing]) -> None:
        from rich.console import Console
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=Console(stderr=True), auto_refresh=False)
            self._live.start()
        self._live.update(_table(standings, rows=max(1, self._live.console.height - 4)), refresh=True)


def _table(standings: Sequence[Standing], rows: int) -> Table:
    """Make a table of as many runs as there is room for, those first that are looked for."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", caption=counted(standings), caption_justify="left")
    table.add_column("run", justify="right")
    for name in ("status", "job", ""):
        table.add_column(name, no_wrap=True)
    for one in sorted(standings, key=lambda one: (_SHOWN.index(one.status.status), one.directory.id))[:rows]:
        # Text, since what others say may look like markup.
        cells = (str(one.directory.id), str(one.status.status), one.name or "", explained(one))
        table.add_row(*map(Text, cells))
    if len(standings) > rows:
        table.add_row("", Text(f"and {len(standings) - rows} more"))
    return table
