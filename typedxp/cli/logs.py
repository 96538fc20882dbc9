"""``typedxp logs``."""

from __future__ import annotations

import sys
import time
from itertools import count
from pathlib import Path

import click

from typedxp.cli.options import store_option
from typedxp.runner.following import Standing, follow, locate
from typedxp.runner.printed import job_output
from typedxp.runner.standings import explained
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus
from typedxp.vocabulary.telling import tell

_PAUSE = 0.5
_ASK = 20
"""How many looks into the files come between two questions to the scheduler, which others ask, too."""


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
    shown: dict[Path, int] = {}
    for look in count():
        standing = _standing(home, directory, ask=following and look % _ASK == 0)
        file = _file(standing, err=err, job=job)
        if file is not None:
            shown[file] = _show(file, shown.get(file, 0))
        if not following or standing.status.status.final:
            break
        time.sleep(_PAUSE)
    if not any(shown.values()):
        why = f" It is {standing.status.status}: {cause}" if (cause := explained(standing)) else ""
        tell(f"Run {run} has printed nothing{' of the kind' if err or job else ''}.{why}")
    bad = standing.status.status.final and standing.status.status is not RunStatus.COMPLETED
    if not err and not job and (bad or not any(shown.values())) and _size(directory.stderr):
        tell(f"What it printed as errors: typedxp logs {run} --err{home.option}")


def _standing(home: Store, directory: RunDirectory, *, ask: bool) -> Standing:
    """Return where a run stands; a StoreError if that cannot be read."""
    found = follow(home, [directory], tell) if ask else locate(home, [directory], tell)
    return found[0] if found else Standing(directory, directory.read_status())


def _file(standing: Standing, *, err: bool, job: bool) -> Path | None:
    own = standing.directory.stderr if err else standing.directory.stdout
    if not job and _size(own):
        return own
    if standing.job is None or (err and not job):
        return None
    return job_output(standing.directory, standing.job, standing.names)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _show(file: Path, start: int) -> int:
    """Print what a file holds from ``start`` on; return where it ends."""
    with file.open("rb") as source:
        source.seek(start)
        data = source.read()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    return start + len(data)
