"""``typedxp ls``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from typedxp.cli.options import json_option, store_option
from typedxp.errors import StoreError
from typedxp.store.directory import dump, spell
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunRecord, Status


@click.command()
@store_option
@json_option
def ls(store: Path, as_json: bool) -> None:
    """List the runs of a store: id, status, experiment, sweep point."""
    runs = _read(Store(store))
    if as_json:
        rows = [
            {"id": run.id, "status": status.status, "experiment": run.experiment.name, "point": spell(run.point)}
            for run, status in runs
        ]
        print(dump(rows).decode(), end="")
        return
    for run, status in runs:
        point = " ".join(f"{key}={_show(value)}" for key, value in run.point.items())
        print(f"{run.id:>6}  {status.status:<13}  {run.experiment.name}  {point}".rstrip())


def _read(store: Store) -> Iterator[tuple[RunRecord, Status]]:
    for directory in store.runs():
        try:
            yield directory.read_record(), directory.read_status()
        except StoreError as error:
            print(f"typedxp: {error}", file=sys.stderr)


def _show(value: Any) -> str:
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value, default=str)
