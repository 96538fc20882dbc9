"""``typedxp status``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from typedxp.cli.options import json_option, store_option
from typedxp.errors import StoreError
from typedxp.stages.execute.liveness import lost, mark_lost
from typedxp.store.directory import RunDirectory, dump
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus, Status


@click.command()
@click.argument("runs", nargs=-1, type=click.IntRange(min=1))
@store_option
@json_option
def status(runs: Sequence[int], store: Path, as_json: bool) -> None:
    """Show where RUNS stand, or all of them: id, status, attempt, start, duration, cause.

    A run whose process is gone without having said how it ended is marked lost.
    """
    found = _read([Store(store).run(number) for number in runs] if runs else Store(store).runs())
    if as_json:
        rows = [{"id": number, "seconds": _seconds(where)} | asdict(where) for number, where in found]
        print(dump(rows).decode(), end="")
        return
    for number, where in found:
        start = (where.start or "").partition(".")[0].replace("T", " ")
        print(
            f"{number:>6}  {where.status:<13}  {where.attempt:>2}  {start:<19}  {_duration(where):>9}  "
            f"{_first_line(where.cause)}".rstrip()
        )


def _read(directories: Iterable[RunDirectory]) -> Iterator[tuple[int, Status]]:
    for directory in directories:
        try:
            yield directory.id, _marked(directory, directory.read_status())
        except StoreError as error:
            print(f"typedxp: {error}", file=sys.stderr)


def _marked(directory: RunDirectory, found: Status) -> Status:
    try:
        return mark_lost(directory, found)
    except OSError as error:
        # It may be a colleague's.
        print(f"typedxp: {directory.status_file} cannot be brought up to date: {error}", file=sys.stderr)
        return replace(found, status=RunStatus.LOST, cause=lost(directory, found))


def _seconds(found: Status) -> float | None:
    """Return how long a run has taken, up to now if it has not ended."""
    if found.start is None:
        return None
    end = datetime.fromisoformat(found.end) if found.end is not None else datetime.now(UTC)
    return round((end - datetime.fromisoformat(found.start)).total_seconds(), 3)


def _duration(found: Status) -> str:
    seconds = _seconds(found)
    if seconds is None:
        return ""
    # A clock that was set back makes no time.
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _first_line(text: str | None) -> str:
    line = (text or "").partition("\n")[0]
    return line if line.isprintable() else ascii(line)[1:-1]
