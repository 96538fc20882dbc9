"""``typedxp fields``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from typedxp.cli.options import json_option, store_option
from typedxp.cli.tables import print_table, show_short
from typedxp.store.directory import dump
from typedxp.vocabulary.terminal import show

_LONGEST = 60


@click.command()
@store_option
@json_option
def fields(store: Path, as_json: bool) -> None:
    """List what can be asked of the runs of a store: type, number of runs that have it, different values, examples."""
    # It works with arrays, which take time to load.
    from typedxp.results.runs.listing import list_fields

    found = list_fields(store)
    if as_json:
        print(dump([asdict(field) for field in found]).decode(), end="")
        return
    rows = [
        (show(field.name), field.type, str(field.runs), show_short(field.values), _cut(", ".join(field.examples)))
        for field in found
    ]
    print_table([("field", "type", "runs", "values", "examples"), *rows], right=(2, 3))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
