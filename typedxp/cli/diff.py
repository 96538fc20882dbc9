"""``typedxp diff``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from typedxp.cli.code import repository_option
from typedxp.cli.options import json_option, store_option
from typedxp.cli.tables import print_table, show_short
from typedxp.runner.comparing import CodeChanges, Making, compare_making
from typedxp.store.directory import dump
from typedxp.store.streams import spell
from typedxp.vocabulary.inputs import InputRecord
from typedxp.vocabulary.terminal import show

_LINES = 200
"""Files, and lines of a patch, that are shown without being asked for."""

_PARTS = ("config", "facts", "metrics")

Row = tuple[str, ...]


@click.command()
@click.argument("runs", type=click.IntRange(min=0), nargs=-1)
@store_option
@click.option("--stat", is_flag=True, help="Of the code, name only the files that differ.")
@click.option("--full", is_flag=True, help="Show all lines of the code that differ, however many.")
@repository_option
@json_option
def diff(runs: Sequence[int], store: Path, repository: Path | None, *, stat: bool, full: bool, as_json: bool) -> None:
    """Compare RUNS: what differs of their configs, facts and last metrics; of two also code, environment and data."""
    # It works with arrays, which take time to load.
    from typedxp.results.runs.differences import compare_runs

    chosen = list(dict.fromkeys(runs))
    if len(chosen) < 2:
        raise click.UsageError("Name two runs or more.")
    found = asdict(compare_runs(store, chosen))
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and not as_json
    making = (
        compare_making(store, chosen[0], chosen[1], repository, patch=not stat, colour=colour)
        if len(chosen) == 2
        else None
    )
    if as_json:
        print(dump(spell(found | (asdict(making) if making is not None else {}))).decode(), end="")
        return
    _print_table(chosen, found, making)
    if making is not None:
        _print_making(making, f"from run {chosen[0]} to run {chosen[1]}", full=full)
        _print_rest(found, making)


def _print_table(runs: Sequence[int], found: dict[str, Any], making: Making | None) -> None:
    rows: list[Row] = [("run", *map(str, runs))]
    parts = {name: {key: tuple(map(_show, values)) for key, values in found[name].items()} for name in _PARTS}
    if making is not None:
        inputs = making.data or {}
        parts["data"] = {name: tuple(map(_show_input, pair)) for name, pair in inputs.items()}
    for name in ("config", "facts", "data", "metrics"):
        if values := parts.get(name):
            rows.append((name, *[""] * len(runs)))
            rows += [(f"  {show(key)}", *shown) for key, shown in values.items()]
    print_table(rows)


def _print_making(making: Making, between: str, *, full: bool) -> None:
    if making.environment:
        print(f"environment, {between}")
        for line in making.environment:
            print(f"  {line}")
    if making.code is not None and making.code.problem:
        print(f"code: {making.code.problem}")
    elif making.code is not None and making.code.files:
        print(f"code, {between}")
        rows = list(_file_rows(making.code))
        print_table(rows if full else rows[:_LINES])
        if len(rows) > _LINES and not full:
            print(f"  ... and {len(rows) - _LINES} more files")
        _print_patch(making.code.patch, full=full)


def _file_rows(changes: CodeChanges) -> Iterator[Row]:
    for file in changes.files:
        lines = "" if file.insertions is None else f"+{file.insertions} -{file.deletions}"
        was = f" from {show(file.before)}" if file.before is not None else ""
        yield f"  {show(file.path)}", f"{file.state}{was}", lines or "no text"


def _print_patch(patch: str, *, full: bool) -> None:
    lines = patch.splitlines()
    shown = lines if full else lines[:_LINES]
    for line in shown:
        print(line)
    if len(shown) < len(lines):
        print(f"... and {len(lines) - len(shown)} more lines: --full shows them, --stat only names the files.")


def _print_rest(found: dict[str, Any], making: Making) -> None:
    """Say in a line what does not differ, and in another what cannot be said."""
    told = {
        "config": list(found["config"]),
        "code": making.code and (making.code.problem or making.code.files),
        "environment": making.environment,
        "data": making.data,
    }
    same = [name for name, differences in told.items() if differences is not None and not differences]
    unknown = [name for name, differences in told.items() if differences is None]
    if same:
        print(f"The same: {', '.join(same)}.")
    if unknown:
        print(f"Not recorded of both: {', '.join(unknown)}.")


def _show(value: object) -> str:
    return show_short(value) or "-"


def _show_input(given: InputRecord | None) -> str:
    return f"{given.algorithm}:{given.digest[:12]} ({given.size} bytes)" if given is not None else "-"
