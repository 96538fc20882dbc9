"""``typedxp bundle``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from typedxp.cli.code import repository_option
from typedxp.cli.files import check_target
from typedxp.cli.options import store_option
from typedxp.errors import ResultsError
from typedxp.runner.bundle.make import Wish, make_bundle
from typedxp.vocabulary.telling import tell


@click.command()
@click.argument("runs", type=click.IntRange(min=1), nargs=-1, required=True)
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@store_option
@click.option("--artifacts/--no-artifacts", default=True, help="Whether to put in what the runs kept.")
@click.option("--code/--no-code", default=True, help="Whether to put in the code.")
@click.option("--anonymous", is_flag=True, help="Hide who ran it, and where: for a double-blind review.")
@click.option("--license", "licence", metavar="URL|SPDX", help="What others may do with it, as in CC-BY-4.0.")
@repository_option
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
def bundle(runs: tuple[int, ...], target: Path, *, store: Path, overwrite: bool, **wish: Any) -> None:
    """Put RUNS that have ended, with all that made them, into one zip FILE: an RO-Crate for a reviewer."""
    check_target(target, (".zip",))
    if os.path.lexists(target) and not overwrite:
        raise ResultsError(f"{target} is there already. Choose another name, or pass --overwrite.")
    made = make_bundle(store, runs, target, Wish(**wish))
    for note in made.notes:
        tell(note)
    print(f"{target} ({made.size / 1e6:.1f} MB)")
