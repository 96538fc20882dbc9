"""Owns how a stream is written down: one JSON object per line, and the spelling of the numbers that JSON lacks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from typedxp.store.steps import advance, begin, choose
from typedxp.vocabulary.metrics import Sizes, merge_sizes, sizes
from typedxp.vocabulary.records import Column, StreamSummary

Shape = tuple[tuple[str, ...], tuple[type, ...]]
"""The keys of a record, and the types of their values."""

NUMBERS: Mapping[str, float] = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""The numbers that JSON lacks, by their spelling in a stream."""
SPELLINGS: Mapping[str, str] = {repr(number): spelling for spelling, number in NUMBERS.items()}
"""The spelling of these numbers in a stream, by their ``repr``."""

_KINDS = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}


def spell(value: Any) -> Any:
    """Spell the numbers that JSON lacks in a plain tree of values."""
    if isinstance(value, float):
        return value if math.isfinite(value) else SPELLINGS[repr(float(value))]
    if isinstance(value, Mapping):
        return {key: spell(item) for key, item in value.items()}
    return [spell(item) for item in value] if isinstance(value, list | tuple) else value


def unspell(value: Any) -> Any:
    """Return the numbers that texts in a plain tree stand for, if :func:`spell` writes them so; the rest as it is."""
    if isinstance(value, str):
        return NUMBERS.get(value, value)
    if isinstance(value, dict):
        return {key: unspell(item) for key, item in value.items()}
    return [unspell(item) for item in value] if isinstance(value, list) else value


def spell_record(record: Mapping[str, Any]) -> bytes:
    """Write a record that orjson alone cannot: NaN, infinities, huge integers, lone surrogates."""
    return json.dumps(spell(record), separators=(",", ":"), allow_nan=False).encode() + b"\n"


def parse(data: bytes) -> tuple[list[dict[str, Any]], int]:
    """Read the records in ``data``, and count the damaged lines that were passed over.

    A last line without its end is the record that was being written: if it is torn, it is nobody's damage.
    """
    body = data.removesuffix(b"\n")
    try:
        # One call for the whole file takes two thirds of the time that a call per line takes.
        records = orjson.loads(b"[" + body.replace(b"\n", b",") + b"]")
    except orjson.JSONDecodeError:
        return _parse_lines(data)
    # Lines that are JSON only when joined to the next one give fewer values than lines.
    if len(records) == body.count(b"\n") + 1 and set(map(type, records)) == {dict}:
        return records, 0
    return _parse_lines(data)


def summarize(path: Path) -> StreamSummary:
    """Sum up a stream by reading its file; lines that are not whole records are passed over.

    Raises:
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    records, _ = parse(data)
    counted: dict[Shape, int] = {}
    arrays: dict[str, Sizes] = {}
    tracks = begin()
    for record in records:
        tracks = advance(tracks, record)
        shape = (tuple(record), tuple(map(_written_type, record.values())))
        counted[shape] = counted.get(shape, 0) + 1
        if list in shape[1]:
            measure(arrays, record)
    found = columns(counted, arrays)
    return StreamSummary(len(records), len(data), found, choose(tracks, found))


def measure(arrays: dict[str, Sizes], record: Mapping[str, Any]) -> None:
    """Enlarge the sizes of the columns in ``arrays``, so that the arrays in one more record find room."""
    for key, value in record.items():
        if isinstance(value, list | tuple) and (found := sizes(value)) is not None:
            arrays[key] = merge_sizes(arrays.get(key, ()), found)


def columns(counted: Mapping[Shape, int], arrays: Mapping[str, Sizes]) -> dict[str, Column]:
    """Sum up the columns of a stream from the number of records of each shape, and the sizes of arrays."""
    kinds: dict[str, dict[str, None]] = {}
    records: dict[str, int] = {}
    for (keys, types), count in counted.items():
        if not count:
            continue
        for key, value_type in zip(keys, types, strict=True):
            kinds.setdefault(key, {})[_kind(value_type)] = None
            records[key] = records.get(key, 0) + count
    return {key: Column(tuple(kinds[key]), records[key], arrays.get(key, ())) for key in kinds}


def numeric_type(value: Any) -> type:
    """Return the type that ``value`` has for a reader: an integer of more than 64 bits can only be read as a float."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float
    return type(value)


def _written_type(value: Any) -> type:
    return float if isinstance(value, str) and value in NUMBERS else numeric_type(value)


def _kind(value_type: type) -> str:
    return next((kind for known, kind in _KINDS.items() if issubclass(value_type, known)), "other")


def _parse_lines(data: bytes) -> tuple[list[dict[str, Any]], int]:
    *lines, last = data.split(b"\n")
    whole = [record for line in lines if line and (record := _parse_line(line)) is not None]
    damaged = sum(map(bool, lines)) - len(whole)
    record = _parse_line(last)
    return (whole if record is None else [*whole, record]), damaged


def _parse_line(line: bytes) -> dict[str, Any] | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            record = json.loads(line)  # knows lone surrogates, and numbers beyond those of orjson
        except (ValueError, RecursionError):
            return None
    return record if isinstance(record, dict) else None
