"""Owns what the subcommands that do something to submitted runs have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from typedxp.cli.choosing import chosen, warn
from typedxp.runner.acting import companions
from typedxp.runner.following import Standing, follow
from typedxp.store.store import Store
from typedxp.vocabulary.listing import listed


def act(
    action: Callable[[Sequence[Standing]], None], done: str, store: Path, words: Sequence[str], where: str | None
) -> int:
    """Do something to the runs that were chosen and are underway; return the exit code.

    Raises:
        TypedxpError: a scheduler refuses, or there is no such run.
    """
    if not words and where is None:
        raise click.UsageError("Name the runs, or give a condition: --where.")
    standings = [one for one in follow(Store(store), chosen(store, words, where), warn) if not one.status.status.final]
    ours = [one for one in standings if one.job is not None and one.job.job is not None]
    if here := [one.directory.id for one in standings if one not in ours]:
        warn(f"{listed(here).capitalize()} were not submitted to a scheduler: left alone.")
    if shared := companions(ours):
        warn(f"{listed(shared).capitalize()} share jobs with them: {done}, too.")
    action(ours)
    print(f"{listed([one.directory.id for one in ours]).capitalize()} {done}." if ours else "There is nothing to do.")
    return 0
