"""Owns the comparison of the streams of two runs, record by record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from typedxp.results.sameness.found import Found, Tolerance
from typedxp.results.sameness.plain import compare_plain, same
from typedxp.store.directory import RunDirectory
from typedxp.store.streams import parse
from typedxp.store.writer import TIME
from typedxp.vocabulary.metrics import SYSTEM
from typedxp.vocabulary.verification import MISSING, Part

Ignored = Callable[[str], bool]
"""Says of the dotted name of a stream, a metric or an artifact whether it is left out."""


def compare_streams(
    recorded: RunDirectory, repeated: RunDirectory, tolerance: Tolerance, ignored: Ignored
) -> Iterator[Part]:
    """Compare all streams of two runs; the samples of the machine are left out.

    Raises:
        OSError: a stream cannot be read.
    """
    for name in sorted({*recorded.streams(), *repeated.streams()} - {SYSTEM}):
        if not ignored(name):
            found = Found(tolerance)
            _compare(name, recorded.stream(name), repeated.stream(name), found, ignored)
            yield found.part("stream", name)


def _compare(name: str, recorded: Path, repeated: Path, found: Found, ignored: Ignored) -> None:
    records = [_read(name, path, ignored) if path.exists() else None for path in (recorded, repeated)]
    first, second = (found_records or [] for found_records in records)
    for number, pair in enumerate(zip(first, second, strict=False), start=1):
        # Also of the keys, the order counts.
        if not same(*pair):
            found.record = number
            found.not_identical()
            compare_plain("", *pair, found)
    if len(first) != len(second) or None in records:
        found.record = min(len(first), len(second)) + 1
        counts = [MISSING if part is None else _count(len(part)) for part in records]
        found.differ("", *counts)


def _read(name: str, path: Path, ignored: Ignored) -> list[dict[str, Any]]:
    records, _ = parse(path.read_bytes())
    left_out = {key: key == TIME or ignored(f"{name}.{key}") for record in records for key in record}
    return [{key: value for key, value in record.items() if not left_out[key]} for record in records]


def _count(records: int) -> str:
    return f"{records} record{'' if records == 1 else 's'}"
