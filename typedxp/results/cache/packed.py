"""Owns the cache of metrics: columns of finished runs, packed many to a file, so that they need not be parsed again.

    <cache>/packed/<stream>/<column>/<runs per file>/<id of the run // runs per file>.nc

It is only ever a copy of what the runs hold: whatever is wrong with it, it is as if it were not there.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from typedxp.results.cache.ragged import KINDS, UNREADABLE, Array, Integers, Row, Take, read_rows, take_rows, write_rows

# How many runs share a file, and up to which number of values each: 8 MB, unless one run has more.
_RUNS_PER_FILE = {1024: 2**10, 128: 2**13, 16: 2**16, 1: None}


@dataclass(frozen=True)
class PackedColumn:
    """One column of one stream, of the finished runs of a store whose ``cache`` is this directory.

    A stamp is a number that changes whenever the files of a run change: what was stored with another one is not read.
    """

    cache: Path
    stream: str
    column: str

    def read(self, ids: Integers, stamps: Integers) -> list[Array | None]:
        """Read the rows of runs, in this order; None where there is none. A row has the type it was added with."""
        rows: list[Array | None] = [None] * len(ids)

        def take(places: Integers, arrays: Array) -> None:
            for place, array in zip(places.tolist(), arrays, strict=True):
                rows[place] = array.copy()  # so that it can be changed, and keeps no others in memory

        self._take(ids, stamps, take)
        return rows

    def read_into(self, out: Array, ids: Integers, stamps: Integers) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Read the rows of runs into an array (runs, records, *sizes), and tell which of them were there.

        The others are left as they were. What is beyond the end of a row becomes NaN; what of a row is beyond the end
        of the array is left out. A row is not there if it has another number of dimensions, a type that does not fit
        into that of the array, or another size than an array of integers or truths, in which nothing can be missing.
        """
        there = np.zeros(len(ids), np.bool_)

        def take(places: Integers, arrays: Array) -> None:
            if arrays.ndim != out.ndim or not np.can_cast(arrays.dtype, out.dtype):
                return
            # A slice where one will do, which is several times as fast.
            regular = len(places) == 1 or bool((np.diff(places) == 1).all())
            where = slice(places[0], places[0] + len(places)) if regular else places
            if arrays.shape[1:] == out.shape[1:]:
                out[where] = arrays
            elif out.dtype.kind != "f":
                return
            else:
                fitting = tuple(slice(min(sizes)) for sizes in zip(arrays.shape[1:], out.shape[1:], strict=True))
                out[where] = np.nan
                out[(where, *fitting)] = arrays[(slice(None), *fitting)]
            there[places] = True

        self._take(ids, stamps, take)
        return there

    def add(self, ids: Integers, stamps: Integers, rows: Sequence[Array]) -> None:
        """Add the rows of runs (float64, int64 or bool; others are left out), beside those of other runs.

        If it cannot be written, nothing happens. Of several processes that add to one file at once, one wins.
        """
        new = [
            Row(run, stamp, row)
            for run, stamp, row in zip(ids.tolist(), stamps.tolist(), rows, strict=True)
            if run >= 0 and row.dtype in KINDS
        ]
        by_file: dict[str, dict[int, Row]] = {}
        for row in new:
            runs_per_file = _runs_per_file(row.values.size)
            by_file.setdefault(f"{runs_per_file}/{row.run // runs_per_file}.nc", {})[row.run] = row
        with contextlib.suppress(*UNREADABLE):
            for name, added in by_file.items():
                self._merge(self._folder / name, added)

    def _merge(self, path: Path, added: dict[int, Row]) -> None:
        # Not its parents: a store that was removed in the meantime does not come back.
        self.cache.mkdir(exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {row.run: row for row in read_rows(path, self._title)} if path.exists() else {}
        write_rows(path, self._title, list((kept | added).values()))

    def _take(self, ids: Integers, stamps: Integers, take: Take) -> None:
        for runs_per_file in _RUNS_PER_FILE:
            folder = self._folder / str(runs_per_file)
            try:
                names = {path.name for path in folder.iterdir()}
            except OSError:
                continue
            for places in _by_block(ids // runs_per_file):
                name = f"{ids[places[0]] // runs_per_file}.nc"
                if name in names:
                    take_rows(folder / name, self._title, places, ids[places], stamps[places], take)

    @property
    def _folder(self) -> Path:
        return self.cache / "packed" / _spell(self.stream) / _spell(self.column)

    @property
    def _title(self) -> str:
        # In the file as well, where two names may be one: a disk may not tell upper from lower case.
        return f"{_quote(self.stream)}/{_quote(self.column)}"


def _by_block(blocks: Integers) -> Iterator[Integers]:
    """Yield the places of equal numbers."""
    order = np.argsort(blocks, kind="stable")
    yield from (places for places in np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1) if len(places))


def _runs_per_file(size: int) -> int:
    return next(runs for runs, most in _RUNS_PER_FILE.items() if most is None or size <= most)


def _spell(name: str) -> str:
    """Spell a name so that it can be that of a directory."""
    spelled = _quote(name).replace(".", "%2E")
    if len(spelled) <= 150:
        return spelled or "%"
    return f"{spelled[:100]}~{hashlib.sha256(spelled.encode()).hexdigest()[:32]}"


def _quote(name: str) -> str:
    return quote(name, safe="", errors="surrogatepass")
