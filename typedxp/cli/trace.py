"""``typedxp trace``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from typedxp.cli.options import json_option
from typedxp.errors import ResultsError
from typedxp.store.directory import dump


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def trace(files: Sequence[Path], *, as_json: bool) -> None:
    """Say which runs and versions of the code made FILES: datasets, tables, figures."""
    # It reads datasets, and what does that takes time to load.
    from typedxp.results.analysis.trace import trace as read

    found, problems = {}, []
    for file in files:
        try:
            found[str(file)] = read(file).attrs()
        except ResultsError as error:
            problems.append(str(error))
    if as_json:
        print(dump(found).decode(), end="")
    else:
        for name, attrs in found.items():
            print(name, *(f"  {key + ':':<11} {text}" for key, text in attrs.items()), sep="\n")
    if problems:
        raise ResultsError("\n".join(problems))
