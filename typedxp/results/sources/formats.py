"""Owns how the streams of other tools are written down: as ours, with one JSON object per line, or as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typedxp.store.streams import columns, numeric_type, parse, summarize
from typedxp.vocabulary.records import StreamSummary

SUFFIXES = frozenset({".json", ".jsonl", ".csv"})
"""The endings of the files that can be read."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)
_TRUTHS = {"true": True, "false": False}


def parse_file(data: bytes, suffix: str) -> tuple[list[dict[str, Any]], int]:
    """Read the records in a file with this ending, and count the damaged lines that were passed over."""
    return _parse_csv(data) if suffix == ".csv" else parse(data)


def summarize_file(path: Path) -> StreamSummary:
    """Sum up the records in a file by reading it.

    Raises:
        OSError: the file cannot be read.
    """
    if path.suffix != ".csv":
        return summarize(path)
    data = path.read_bytes()
    records, _ = _parse_csv(data)
    counted = Counter((tuple(record), tuple(map(numeric_type, record.values()))) for record in records)
    return StreamSummary(len(records), len(data), columns(counted, {}))


def _parse_csv(data: bytes) -> tuple[list[dict[str, Any]], int]:
    """Read a header and the lines below it. An empty cell is no value: the record lacks that key.

    A last line without its end may be torn: if it has too few cells, it is nobody's damage.
    """
    text = data.decode("utf-8-sig", errors="replace")
    rows, damaged = _rows(text)
    if not rows:
        return [], damaged
    header = [name.strip() for name in rows[0]]
    if len(rows) > 1 and len(rows[-1]) < len(header) and not text.endswith(("\n", "\r")):
        rows.pop()
    records = [_record(header, row) for row in rows[1:] if len(row) == len(header)]
    return records, damaged + len(rows) - 1 - len(records)


def _rows(text: str) -> tuple[list[list[str]], int]:
    """Take a table apart; beyond what is no CSV nothing can be read, which counts as one damaged line."""
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in csv.reader(io.StringIO(text, newline="")) if row)
    except csv.Error:
        return rows, 1
    return rows, 0


def _record(header: Sequence[str], row: Sequence[str]) -> dict[str, Any]:
    return {name: _value(cell) for name, cell in zip(header, row, strict=True) if name and cell and not cell.isspace()}


def _value(cell: str) -> Any:
    """Read a number or a truth; everything else is text."""
    word = cell.strip()
    if _INTEGER.fullmatch(word):
        return int(word)
    # Not all that float() takes is a number to whoever wrote the file: 1_000 is not.
    return float(word) if _NUMBER.fullmatch(word) else _TRUTHS.get(word.lower(), cell)
