"""``typedxp logs``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from typedxp.cli.choosing import warn
from typedxp.cli.options import store_option
from typedxp.runner.following import Standing, follow
from typedxp.runner.printed import job_output
from typedxp.store.store import Store

_PAUSE = 0.5


@click.command()
@click.argument("run", type=click.IntRange(min=1))
@click.option("-f", "--follow", "following", is_flag=True, help="Go on with what is printed until the run has ended.")
@click.option("--err", is_flag=True, help="What was printed as errors.")
@click.option("--job", is_flag=True, help="What its job printed beside it, and what the scheduler said.")
@store_option
def logs(run: int, store: Path, *, following: bool, err: bool, job: bool) -> None:
    """Show what RUN has printed.

    What its job printed before the run began is shown where the run itself has printed nothing.
    """
    home = Store(store)
    directory = home.run(run)
    shown = 0
    while True:
        [standing] = follow(home, [directory], warn)
        shown += _show(_file(standing, err=err, job=job), shown)
        if not following or standing.status.status.final:
            return
        time.sleep(_PAUSE)


def _file(standing: Standing, *, err: bool, job: bool) -> Path | None:
    own = standing.directory.stderr if err else standing.directory.stdout
    if not job and (own.exists() and own.stat().st_size):
        return own
    if standing.job is None or standing.name is None or (err and not job):
        return None
    return job_output(standing.directory, standing.job, standing.name)


def _show(file: Path | None, start: int) -> int:
    """Print what a file holds from ``start`` on; return how many bytes that are."""
    if file is None or not file.exists():
        return 0
    with file.open("rb") as source:
        source.seek(start)
        data = source.read()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    return len(data)
