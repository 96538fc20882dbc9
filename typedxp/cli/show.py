"""``typedxp show``."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from typedxp.cli.options import json_option, store_option
from typedxp.store import yaml
from typedxp.store.store import Store


@click.command()
@click.argument("run", type=click.IntRange(min=1))
@store_option
@json_option
def show(run: int, store: Path, as_json: bool) -> None:
    """Show everything that is known of one RUN: what was planned, where it stands, its config."""
    directory = Store(store).run(run)
    everything = {
        "run": directory.read_record(),
        "status": directory.read_status(),
        "config": directory.read_config(),
    }
    text = orjson.dumps(everything, option=orjson.OPT_INDENT_2)
    print(text.decode() if as_json else yaml.dump(orjson.loads(text)), end="\n" if as_json else "")
