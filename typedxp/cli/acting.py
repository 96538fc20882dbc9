"""Owns what the subcommands that do something to submitted runs have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from typedxp.cli.choosing import chosen
from typedxp.runner.acting import astray, companions
from typedxp.runner.following import Standing, follow, locate
from typedxp.store.store import Store
from typedxp.vocabulary.listing import listed
from typedxp.vocabulary.telling import tell


def act(
    action: Callable[[Sequence[Standing]], Sequence[Standing]],
    done: str,
    store: Path,
    words: Sequence[str],
    where: str | None,
) -> int:
    """Do something to the runs that were chosen and are underway; return the exit code.

    It is 1 if there are some of whose jobs nothing is known.

    Raises:
        TypedxpError: a scheduler refuses, or there is no such run.
    """
    if not words and where is None:
        raise click.UsageError("Name the runs, or give a condition: --where.")
    home = Store(store)
    standings = [one for one in follow(home, chosen(store, words, where), tell) if not one.status.status.final]
    shared = [one for one in locate(home, map(home.run, companions(standings)), tell) if not one.status.status.final]
    told, unknown = {one.directory.id for one in action([*standings, *shared])}, astray(standings)
    if unknown:
        _tell_astray(unknown, done)
    apart = told | {one.directory.id for one in unknown}
    if left := [one.directory.id for one in standings if one.directory.id not in apart]:
        tell(f"{listed(left).capitalize()} left alone: there is nothing of a scheduler's to be {done}.")
    if too := told & {one.directory.id for one in shared}:
        tell(f"{listed(sorted(too)).capitalize()} {done}, too: they share jobs with those.")
    if told or not unknown:
        print(f"{listed(sorted(told)).capitalize()} {done}." if told else "There is nothing to do.")
    return 1 if unknown else 0


def _tell_astray(standings: Sequence[Standing], done: str) -> None:
    """Say what is to be done about jobs of which nothing is known."""
    runs, place = listed([one.directory.id for one in standings]), standings[0].directory.path.parent / "jobs"
    names = sorted({one.status.job or one.directory.read_record().experiment.name for one in standings})
    tell(
        f"{runs.capitalize()}: not {done}, since nothing is known of their jobs. {place}, which should tell, has none. "
        f"If a scheduler has them, as {', '.join(names[:3])}, go by its own commands (squeue --me and scancel, for "
        "Slurm). What has not begun executes nothing any more."
    )
