"""``typedxp status``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from typedxp.cli.choosing import choosing_options, chosen
from typedxp.cli.options import json_option
from typedxp.runner.following import Standing, follow
from typedxp.runner.standings import Lines, Points, lasted, points_of
from typedxp.runner.waiting import Watch, exit_code, wait
from typedxp.store.directory import dump
from typedxp.store.store import Store
from typedxp.store.streams import spell
from typedxp.vocabulary.telling import tell


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
            # The same comes whole.
            table.close(clear=sys.stdout is not None and sys.stdout.isatty())
        finally:
            table.close()
    else:
        standings = follow(home, directories, tell)
    points = points_of(standings)
    if as_json:
        print(dump([_row(standing, points) for standing in standings]).decode(), end="")
    else:
        lines = Lines(points)
        for standing in standings:
            print(lines.line(standing))
    return exit_code(directories, standings) if watch else 0


def _row(standing: Standing, points: Points) -> dict[str, object]:
    job, found = standing.job, standing.found
    element = None
    if job is not None:
        element = {"scheduler": job.scheduler, "job": job.job, "name": standing.name, "submitted": job.submitted}
    return {
        "id": standing.directory.id,
        "point": spell(dict(points.get(standing.directory.id, {}))),
        "seconds": lasted(standing.status),
        "element": element,
        "found": asdict(found) if found is not None else None,
    } | asdict(standing.status)
