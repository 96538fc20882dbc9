"""Owns how tables look in a terminal, and as CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from typedxp.vocabulary.terminal import show


def show_short(value: Any) -> str:
    """Write a value for a table that people read: nothing for None, and six digits of a long number."""
    if value is None:
        return ""
    text = show(value)
    return f"{value:.6g}" if isinstance(value, float) and len(text) > 10 else text


def show_time(value: Any) -> str:
    """Write a time for a terminal, to the second and in UTC."""
    try:
        return datetime.fromisoformat(value).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, TypeError):
        return show_short(value)


def print_table(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> None:
    """Print rows of text in columns; those in ``right`` end at the same place, the others begin there."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    ends = set(right)
    for row in rows:
        cells = (
            text.rjust(width) if index in ends else text.ljust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def print_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows of values as CSV: text as it is, nothing for None, everything else as JSON."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(value if isinstance(value, str | None) else json.dumps(value, default=str) for value in row)
