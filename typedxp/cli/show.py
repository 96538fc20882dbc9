"""``typedxp show``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from typedxp.cli.options import json_option, store_option
from typedxp.store import yaml
from typedxp.store.directory import dump, spell
from typedxp.store.store import Store


@click.command()
@click.argument("run", type=click.IntRange(min=1))
@store_option
@json_option
def show(run: int, store: Path, as_json: bool) -> None:
    """Show everything that is known of one RUN: what was planned, where it stands, its config."""
    directory = Store(store).run(run)
    everything = spell(
        {
            "run": asdict(directory.read_record()),
            "status": asdict(directory.read_status()),
            "config": directory.read_config(),
        }
    )
    text = dump(everything).decode()
    print(text if as_json else yaml.dump(json.loads(text)), end="")
