"""Owns how it is shown where runs stand: a line for each, in ``typedxp status`` and while their end is waited for."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from typedxp.errors import ResultsError
from typedxp.runner.following import Standing
from typedxp.vocabulary.records import RunStatus, Status
from typedxp.vocabulary.terminal import show_point

_WIDEST = 40
"""Characters to which points are filled up, so that a long one moves only what stands beside it."""

Points = Mapping[int, Mapping[str, Any]]
"""What tells runs from one another, by their ids."""


def points_of(standings: Sequence[Standing]) -> Points:
    """Return what tells the runs from one another; where that cannot be read, they are shown without."""
    if not standings:
        return {}
    # It works with arrays, which take time to load.
    from typedxp.results.runs.listing import list_points

    with warnings.catch_warnings():
        # What is damaged of a status was told before, and the rest is no matter of where runs stand.
        warnings.simplefilter("ignore")
        try:
            return list_points(standings[0].directory.path.parent, [one.directory.id for one in standings])
        except ResultsError:
            return {}


class Lines:
    """Writes where runs stand, whose points never change."""

    def __init__(self, points: Points) -> None:
        self._texts = {run: show_point(point) for run, point in points.items()}
        self._width = min(max(map(len, self._texts.values()), default=0), _WIDEST)

    def line(self, standing: Standing) -> str:
        """Write one line: id, status, attempts, start and duration of the last, point, cause."""
        run, where = standing.directory.id, standing.status
        start = (where.start or "").partition(".")[0].replace("T", " ")
        cells = [
            f"{run:>6}  {where.status:<13}  {where.attempt:>2}  {start:<19}  {_duration(where):>9}",
            *([f"{self._texts.get(run, ''):<{self._width}}"] if self._width else []),
            explained(standing),
        ]
        return "  ".join(cells).rstrip()


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


def lasted(found: Status) -> float | None:
    """Return how many seconds a run has taken, up to now if it has not ended."""
    if found.start is None:
        return None
    end = datetime.fromisoformat(found.end) if found.end is not None else datetime.now(UTC)
    return round((end - datetime.fromisoformat(found.start)).total_seconds(), 3)


def _duration(found: Status) -> str:
    seconds = lasted(found)
    if seconds is None:
        return ""
    # A clock that was set back makes no time.
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
