"""``typedxp ls``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from typedxp.cli.options import json_option, store_option
from typedxp.cli.results import split_names
from typedxp.cli.tables import print_csv, print_table, show_short, show_time
from typedxp.results.runs.moments import TIMES
from typedxp.store.directory import dump
from typedxp.store.streams import spell
from typedxp.vocabulary.telling import tell
from typedxp.vocabulary.terminal import show_point

_FACTS = ("run", "status", "experiment")

Columns = Mapping[str, Sequence[Any]]


@click.command()
@store_option
@click.option("--where", metavar="CONDITION", help="List the runs that meet it, as in \"status == 'failed'\".")
@click.option("--sort", metavar="FIELD", multiple=True, callback=split_names, help="Sort by it; downwards by -FIELD.")
@click.option("--columns", metavar="FIELD,...", multiple=True, callback=split_names, help="What is shown of each run.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="List the first N.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for programs.")
def ls(
    store: Path,
    *,
    where: str | None,
    sort: Sequence[str],
    columns: Sequence[str],
    limit: int | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List the runs of a store: id, status, experiment, and what was swept or differs between them.

    `typedxp fields` lists what --where, --sort and --columns can name.
    """
    # It works with arrays, which take time to load.
    from typedxp.results.runs.listing import list_runs

    if as_json and as_csv:
        raise click.UsageError("Choose one of --json and --csv.")
    found = list_runs(store, columns or _FACTS, where, sort, limit)
    if found.note:
        tell(found.note)
    if as_json:
        _print_json(found.columns if columns else _with_points(found.columns, found.points))
    elif as_csv:
        shown = found.columns if columns else {**found.columns, **_by_key(found.points)}
        print_csv(tuple(shown), zip(*shown.values(), strict=True))
    elif columns:
        _print_columns(found.columns)
    else:
        _print_points(found.columns, found.points)


def _print_json(columns: Columns) -> None:
    rows = [spell(dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True)]
    print(dump(rows).decode(), end="")


def _with_points(columns: Columns, points: Sequence[dict[str, Any]]) -> Columns:
    return {"id": columns["run"], **{name: columns[name] for name in _FACTS[1:]}, "point": points}


def _by_key(points: Sequence[dict[str, Any]]) -> Columns:
    """Return a column for each key."""
    keys = dict.fromkeys(key for point in points for key in point)
    return {f"config.{key}": [point.get(key) for point in points] for key in keys}


def _print_columns(columns: Columns) -> None:
    texts = [[name, *map(show_time if name in TIMES else show_short, values)] for name, values in columns.items()]
    numbers = [_is_numeric(values) for values in columns.values()]
    print_table(list(zip(*texts, strict=True)), right=[index for index, numeric in enumerate(numbers) if numeric])


def _is_numeric(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float | None) for value in values)


def _print_points(columns: Columns, points: Sequence[dict[str, Any]]) -> None:
    width = max(map(len, columns["experiment"]), default=0)
    for run, status, experiment, point in zip(*columns.values(), points, strict=True):
        print(f"{run:>6}  {status:<13}  {experiment:<{width}}  {show_point(point)}".rstrip())
