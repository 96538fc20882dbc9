"""``typedxp status``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from typedxp.cli.choosing import choosing_options, chosen
from typedxp.cli.options import json_option
from typedxp.runner.following import Standing, follow
from typedxp.runner.waiting import Watch, exit_code, explained, wait
from typedxp.store.directory import dump
from typedxp.store.store import Store
from typedxp.vocabulary.records import Status
from typedxp.vocabulary.telling import tell


@click.command()
@choosing_options
@click.option("--watch", is_flag=True, help="Look again until all have ended; exit with 1 if not all completed.")
@json_option
def status(runs: Sequence[str], where: str | None, store: Path, *, watch: bool, as_json: bool) -> int:
    """Show where runs stand: id, status, attempt, start, duration, job, cause.

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
    if as_json:
        print(dump([_row(standing) for standing in standings]).decode(), end="")
    else:
        for standing in standings:
            print(_line(standing))
    return exit_code(standings) if watch else 0


def _row(standing: Standing) -> dict[str, object]:
    job, found = standing.job, standing.found
    element = None
    if job is not None:
        element = {"scheduler": job.scheduler, "job": job.job, "name": standing.name, "submitted": job.submitted}
    return {
        "id": standing.directory.id,
        "seconds": _seconds(standing.status),
        "element": element,
        "found": asdict(found) if found is not None else None,
    } | asdict(standing.status)


def _line(standing: Standing) -> str:
    where = standing.status
    start = (where.start or "").partition(".")[0].replace("T", " ")
    return (
        f"{standing.directory.id:>6}  {where.status:<13}  {where.attempt:>2}  {start:<19}  {_duration(where):>9}  "
        f"{explained(standing)}"
    ).rstrip()


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
