"""``typedxp diff``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from typedxp.cli.options import json_option, store_option
from typedxp.cli.tables import print_table, show, show_short
from typedxp.store.directory import dump, spell


@click.command()
@click.argument("runs", type=click.IntRange(min=0), nargs=-1)
@store_option
@json_option
def diff(runs: Sequence[int], store: Path, as_json: bool) -> None:
    """Compare RUNS: the values of their configs and facts that differ, and the last values of their metrics."""
    # It works with arrays, which take time to load.
    from typedxp.results.differences import compare_runs

    chosen = list(dict.fromkeys(runs))
    if len(chosen) < 2:
        raise click.UsageError("Name two runs or more.")
    found = asdict(compare_runs(store, chosen))
    if as_json:
        print(dump(spell(found)).decode(), end="")
        return
    rows = [("run", *map(str, chosen))]
    for part in ("config", "facts", "metrics"):
        rows += [(part, *[""] * len(chosen))] if found[part] else []
        rows += [(f"  {show(name)}", *map(_show, values)) for name, values in found[part].items()]
    print_table(rows)


def _show(value: object) -> str:
    return show_short(value) or "-"
