"""Owns the options that several subcommands share."""

from __future__ import annotations

from pathlib import Path

import click

store_option = click.option(
    "--logs", "store", type=click.Path(path_type=Path), default="logs", show_default=True, help="Directory of the runs."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
