"""``typedxp ls``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import orjson

from typedxp.cli.options import json_option, store_option
from typedxp.errors import StoreError
from typedxp.store.store import Store


@click.command()
@store_option
@json_option
def ls(store: Path, as_json: bool) -> None:
    """List the runs of a store: id, status, experiment, sweep point."""
    rows = []
    for directory in Store(store).runs():
        try:
            record, status = directory.read_record(), directory.read_status()
        except StoreError as error:
            print(f"typedxp: {error}", file=sys.stderr)
            continue
        rows.append(
            {"id": record.id, "status": status.status, "experiment": record.experiment.name, "point": dict(record.point)}
        )
    if as_json:
        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    for row in rows:
        point = " ".join(f"{key}={value}" for key, value in row["point"].items())
        print(f"{row['id']:>6}  {row['status']:<13}  {row['experiment']}  {point}".rstrip())
