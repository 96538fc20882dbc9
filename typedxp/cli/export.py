"""``typedxp export``."""

from __future__ import annotations

from pathlib import Path

import click

from typedxp.cli.options import store_option
from typedxp.results.export import mlflow, tensorboard, wandb
from typedxp.results.export.finished import find_finished
from typedxp.vocabulary.telling import tell

SYSTEMS = {"mlflow": mlflow.export, "tensorboard": tensorboard.export, "wandb": wandb.export}


@click.command()
@click.argument("system", type=click.Choice(sorted(SYSTEMS)))
@click.argument("runs", type=click.IntRange(min=1), nargs=-1)
@store_option
@click.option("--to", "place", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where to write.")
def export(system: str, runs: tuple[int, ...], store: Path, place: Path) -> None:
    """Write RUNS that have ended, or all of them, into the offline store of another SYSTEM."""
    for run in find_finished(store, runs):
        exported = SYSTEMS[system](run, place)
        print(f"{run.name} {'->' if exported.written else 'is already in'} {exported.place}")
        for note in exported.notes:
            tell(note)
