"""``typedxp status``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from typedxp.cli.choosing import choosing_options, chosen
from typedxp.cli.options import json_option
from typedxp.cli.tables import show_point
from typedxp.errors import ResultsError
from typedxp.runner.following import Standing, follow
from typedxp.runner.waiting import Watch, exit_code, explained, wait
from typedxp.store.directory import dump
from typedxp.store.store import Store
from typedxp.store.streams import spell
from typedxp.vocabulary.records import Status
from typedxp.vocabulary.telling import tell

_WIDEST = 40
"""Characters to which points are filled up, so that a long one moves only what stands beside it."""

Points = Mapping[int, Mapping[str, Any]]


@click.command()
@choosing_options
@click.option("--watch", is_flag=True, help="Look again until all have ended; exit with 1 if not all completed.")
@json_option
def status(runs: Sequence[str], where: str | None, store: Path, *, watch: bool, as_json: bool) -> int:
    """Show where runs stand: id, status, attempts, start and duration of the last, what was swept, cause.

    RUNS are ids (12), ranges (3-7) or sweeps; all of the store by default. Schedulers are asked once, about all runs
    that have not ended. A run whose process or job is gone without having said how it ended is lost.
    """
    home, directories = Store(store), chosen(store, runs, where)
    if watch:
        table = Watch()
        try:
            standings = wait(home, directories, table, tell)
        finally:
            table.close()
    else:
        standings = follow(home, directories, tell)
    points = _points(store, standings)
    if as_json:
        print(dump([_row(standing, points) for standing in standings]).decode(), end="")
    else:
        _print_lines(standings, points)
    return exit_code(standings) if watch else 0


def _points(store: Path, standings: Sequence[Standing]) -> Points:
    """Return what tells the runs from one another; where that cannot be read, they are shown without."""
    # It works with arrays, which take time to load.
    from typedxp.results.runs.listing import list_points

    with warnings.catch_warnings():
        # What is damaged of a status was told before, and the rest is no matter of where runs stand.
        warnings.simplefilter("ignore")
        try:
            return list_points(store, [standing.directory.id for standing in standings])
        except ResultsError:
            return {}


def _row(standing: Standing, points: Points) -> dict[str, object]:
    job, found = standing.job, standing.found
    element = None
    if job is not None:
        element = {"scheduler": job.scheduler, "job": job.job, "name": standing.name, "submitted": job.submitted}
    return {
        "id": standing.directory.id,
        "point": spell(dict(points.get(standing.directory.id, {}))),
        "seconds": _seconds(standing.status),
        "element": element,
        "found": asdict(found) if found is not None else None,
    } | asdict(standing.status)


def _print_lines(standings: Sequence[Standing], points: Points) -> None:
    texts = {run: show_point(point) for run, point in points.items()}
    width = min(max(map(len, texts.values()), default=0), _WIDEST)
    for standing in standings:
        where = standing.status
        start = (where.start or "").partition(".")[0].replace("T", " ")
        cells = [
            f"{standing.directory.id:>6}  {where.status:<13}  {where.attempt:>2}  {start:<19}  {_duration(where):>9}",
            *([f"{texts.get(standing.directory.id, ''):<{width}}"] if width else []),
            explained(standing),
        ]
        print("  ".join(cells).rstrip())


def _seconds(found: Status) -> float | None:
    """Return how long a run has taken, up to now if it has not ended."""
    if found.start is None:
        return None
    end = datetime.fromisoformat(found.end) if found.end is not None else datetime.now(UTC)
    return round((end - datetime.fromisoformat(found.start)).total_seconds(), 3)


def _duration(found: Status) -> str:
    seconds = _seconds(found)
    if seconds is None:
        return ""
    # A clock that was set back makes no time.
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
