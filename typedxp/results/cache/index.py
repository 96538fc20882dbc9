"""Owns the index: what is known of finished runs, so that opening a store again reads few files.

logs/.typedxp/index/<block>.json    the table of the finished runs of a block of ids

It is a cache: it is written whole, by whoever reads first, and left out where it is damaged, of another layout, or
cannot be written. A run whose status.json is not the one that was read is read anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from typedxp.results.cache.sealed import read_sealed, write_sealed
from typedxp.results.runs.table import NO_PLACE, Fact, Ints, Streamed, Table, join
from typedxp.results.runs.tabulate import POINT
from typedxp.store.streams import spell, unspell

LAYOUT = 2
"""The version of the files: others are not read."""

_BLOCK = 4096


@dataclass(frozen=True)
class Index:
    """The index in the directory of caches of a store."""

    cache: Path

    def read(self, ids: Ints, stamps: Ints) -> Table:
        """Return those of the runs with these ids, in order, that have not changed since they were written down."""
        tables = [table for block in np.unique(ids // _BLOCK) if (table := self._read_block(int(block))) is not None]
        known = join(tables)
        place = np.searchsorted(ids, known.ids).clip(max=max(len(ids) - 1, 0))
        same = (ids[place] == known.ids) & (stamps[place] == known.stamps) if len(ids) else np.zeros(0, np.bool_)
        return known if same.all() else known.take(np.flatnonzero(same))

    def write(self, table: Table, fresh: Table, *, whole: bool) -> None:
        """Write down the finished runs of a table, in those blocks in which some are ``fresh``.

        Unless the table is the ``whole`` of them, what is known of others is kept.
        """
        for block in np.unique(fresh.ids[fresh.stamps > 0] // _BLOCK):
            part = table.take(np.flatnonzero((table.ids // _BLOCK == block) & (table.stamps > 0)))
            if not whole and (others := self._read_block(int(block))) is not None:
                part = join([others.take(np.flatnonzero(~np.isin(others.ids, part.ids))), part])
            # Values that JSON does not hold are rare enough to be read anew.
            with suppress(OSError, TypeError, ValueError):
                write_sealed(self._path(int(block)), orjson.dumps(_dump(part), option=orjson.OPT_SERIALIZE_NUMPY))

    def _read_block(self, block: int) -> Table | None:
        try:
            return _load(orjson.loads(read_sealed(self._path(block))))
        except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
            return None

    def _path(self, block: int) -> Path:
        return self.cache / "index" / f"{block}.json"


def _dump(table: Table) -> dict[str, Any]:
    return {
        "layout": LAYOUT,
        "ids": table.ids,
        "stamps": table.stamps,
        "facts": {name: _dump_fact(fact) for name, fact in table.facts.items()},
        "streams": {
            name: {
                "files": _dump_fact(stream.files),
                "records": stream.records,
                "bytes": stream.bytes,
                "columns": _dump_fact(stream.columns),
                "steps": _dump_fact(stream.steps),
            }
            for name, stream in table.streams.items()
        },
    }


def _dump_fact(fact: Fact) -> list[Any]:
    compact = fact.compact()
    return [spell(list(compact.values)), compact.places]


def _load(raw: dict[str, Any]) -> Table | None:
    if raw["layout"] != LAYOUT:
        return None
    ids = np.array(raw["ids"], np.int64)
    table = Table(
        ids,
        _numbers(raw["stamps"], ids),
        {name: _load_fact(name, fact, ids) for name, fact in raw["facts"].items()},
        {
            name: Streamed(
                _load_fact(name, stream["files"], ids),
                _numbers(stream["records"], ids),
                _numbers(stream["bytes"], ids),
                _load_fact(name, stream["columns"], ids),
                _load_fact(name, stream["steps"], ids),
            )
            for name, stream in raw["streams"].items()
        },
    )
    return table if (np.diff(ids) > 0).all() else None


def _load_fact(name: str, raw: Sequence[Any], ids: Ints) -> Fact:
    values, places = raw
    if name.startswith(POINT):
        values = unspell(values)
    numbers = _numbers(places, ids)
    if len(numbers) and (numbers.max() >= len(values) or numbers.min() < NO_PLACE):
        raise ValueError(f"{name} is damaged")
    return Fact(tuple(values), numbers)


def _numbers(raw: Sequence[int], ids: Ints) -> Ints:
    numbers = np.array(raw, np.int64)
    if numbers.shape != ids.shape:
        raise ValueError("a column is damaged")
    return numbers
