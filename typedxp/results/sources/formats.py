"""Owns how the streams of other tools are written down: as ours, with one JSON object per line, or as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from typedxp.store.steps import advance, begin, choose
from typedxp.store.streams import columns, numeric_type, parse, summarize
from typedxp.vocabulary.records import Column, Steps, StreamSummary

SUFFIXES = frozenset({".json", ".jsonl", ".csv"})
"""The endings of the files that can be read."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)
_KINDS = {bool: "bool", int: "int", float: "float", type(None): "null"}
_TRUTHS = {"true": True, "false": False}


def parse_file(data: bytes, suffix: str) -> tuple[list[dict[str, Any]], int]:
    """Read the records in a file with this ending, and count the damaged lines that were passed over."""
    return _parse_csv(data) if suffix == ".csv" else parse(data)


def parse_column(data: bytes, suffix: str, column: str, counted: int) -> tuple[list[Any], int]:
    """Read a column, None for each record that lacks it, and count the damaged lines that were passed over.

    Where there are as many records as were ``counted`` before, no line is looked at by itself.
    """
    values = _column_at_once(data, column) if suffix != ".csv" else []
    if values and len(values) == counted:
        return values, 0
    records, damaged = parse_file(data, suffix)
    return [record.get(column) for record in records], damaged


def _column_at_once(data: bytes, column: str) -> list[Any]:
    """Read a column of lines of JSON; nothing if they are no list of objects when they are joined."""
    joined = b"[%b]" % data.removesuffix(b"\n").replace(b"\n", b",")
    decoder = _decoder(column)
    try:
        # It passes over text that is not UTF-8, unless that is in the column.
        if decoder is not None and data.isascii():
            return [record.value for record in decoder.decode(joined)]
        return [record.get(column) for record in orjson.loads(joined)]
    except (ValueError, AttributeError):
        return []


@cache
def _decoder(column: str) -> Any:
    """Make what reads one column in half the time of all; None if the name of the column is none for it."""
    import msgspec

    try:
        record = msgspec.defstruct("Record", [("value", Any, None)], rename={"value": column}, gc=False)
    except ValueError:
        return None
    return msgspec.json.Decoder(list[record])  # type: ignore[valid-type]


def summarize_file(path: Path) -> StreamSummary:
    """Sum up the records in a file by reading it.

    Raises:
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    records, _ = parse_file(data, path.suffix)
    found = _regular_columns(records)
    if found is None and path.suffix != ".csv":
        return summarize(path)
    if found is None:
        counted = Counter((tuple(record), tuple(map(numeric_type, record.values()))) for record in records)
        found = columns(counted, {})
    return StreamSummary(len(records), len(data), found, _steps(records, found))


def _steps(records: Iterable[Mapping[str, Any]], found: Mapping[str, Column]) -> Steps | None:
    tracks = begin()
    for record in records:
        tracks = advance(tracks, record)
        if not tracks:
            return None
    return choose(tracks, found)


def _regular_columns(records: Sequence[Mapping[str, Any]]) -> dict[str, Column] | None:
    """Sum up records that all have the same keys, and numbers for values; None if some do not.

    Nearly all files are like that, and to go column by column takes a fifth of the time.
    """
    if len(set(map(tuple, records))) != 1:
        return None
    found = {}
    for key, values in zip(records[0], zip(*(record.values() for record in records), strict=True), strict=True):
        types = dict.fromkeys(map(type, values))
        if not types.keys() <= _KINDS.keys() or (int in types and not _fit(values)):
            return None
        found[key] = Column(tuple(_KINDS[found_type] for found_type in types), len(records))
    return found


def _fit(values: Iterable[Any]) -> bool:
    integers = [value for value in values if type(value) is int]
    return min(integers) >= -(2**63) and max(integers) < 2**63


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
