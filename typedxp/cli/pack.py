"""``typedxp pack``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from typedxp.cli.files import check_target
from typedxp.cli.results import results_options
from typedxp.errors import ResultsError
from typedxp.results.open import open_results


@click.command()
@click.argument("paths", metavar="[STORE] FILE", nargs=-1, type=click.Path(path_type=Path))
@results_options
@click.option("--layout", type=click.Choice(["grid", "runs", "tree"]), help="How the runs are laid out in the file.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
def pack(
    paths: tuple[Path, ...],
    *,
    store: Path,
    experiment: str | None,
    where: str | None,
    layout: Any,
    overwrite: bool,
) -> None:
    """Write all metrics and arrays of a STORE into one FILE, .nc or .zarr, that needs no typedxp to be read."""
    # It works with arrays, which take time to load.
    from typedxp.results.archive.write import write_archive

    if len(paths) not in {1, 2}:
        raise click.UsageError("Name the file to write, or a store and the file: typedxp pack logs runs.nc.")
    target = paths[-1]
    check_target(target, (".nc", ".zarr"))
    if os.path.lexists(target) and not overwrite:
        raise ResultsError(f"{target} is there already. Choose another name, or pass --overwrite.")
    source = paths[0] if len(paths) > 1 else store
    opened = open_results(source, experiment=experiment, where=where, layout=layout)
    write_archive(opened, target, overwrite=overwrite)
    print(target)
