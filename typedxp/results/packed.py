"""Owns the cache of metrics: columns of finished runs, packed many to a file, so that they need not be parsed again.

    <cache>/packed/<stream>/<column>/<first run>-<last run>.nc

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

from typedxp.results.ragged import KINDS, UNREADABLE, Array, Integers, Row, Take, read_rows, take_rows, write_rows

# How many runs share a file, and up to which number of values each: 32 MB, unless one run has more.
_RUNS_PER_FILE = {1024: 2**12, 32: 2**17, 1: None}


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
                rows[place] = array

        self._take(ids, stamps, take)
        return rows

    def read_into(self, out: Array, ids: Integers, stamps: Integers) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Read the rows of runs into an array (runs, records, *sizes), and tell which of them were there.

        The others are left as they were, and so is what is beyond the end of a row; what of a row is beyond the end
        of the array is left out. A row is not there if it has other dimensions, or if its type does not fit.
        """
        there = np.zeros(len(ids), np.bool_)

        def take(places: Integers, arrays: Array) -> None:
            if arrays.ndim != out.ndim or not np.can_cast(arrays.dtype, out.dtype):
                return
            fitting = tuple(slice(min(sizes)) for sizes in zip(arrays.shape[1:], out.shape[1:], strict=True))
            neighbours = bool((np.diff(places) == 1).all())
            where = slice(places[0], places[0] + len(places)) if neighbours else places
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
            by_file.setdefault(_file_name(row.run, _runs_per_file(row.values.size)), {})[row.run] = row
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
        try:
            names = {file.name for file in self._folder.iterdir()}
        except OSError:
            return
        left = np.ones(len(ids), np.bool_)

        def take_from_left(places: Integers, arrays: Array) -> None:
            left[places] = False
            take(places, arrays)

        for runs_per_file in _RUNS_PER_FILE:
            for places in _by_block(np.flatnonzero(left), ids // runs_per_file):
                name = _file_name(int(ids[places[0]]), runs_per_file)
                if name in names:
                    self._take_from(name, ids, stamps, places, take_from_left)

    def _take_from(self, name: str, ids: Integers, stamps: Integers, places: Integers, take: Take) -> None:
        def take_within(within: Integers, arrays: Array) -> None:
            take(places[within], arrays)

        take_rows(self._folder / name, self._title, ids[places], stamps[places], take_within)

    @property
    def _folder(self) -> Path:
        return self.cache / "packed" / _spell(self.stream) / _spell(self.column)

    @property
    def _title(self) -> str:
        # In the file as well, where two names may be one: a disk may not tell upper from lower case.
        return f"{_quote(self.stream)}/{_quote(self.column)}"


def _by_block(places: Integers, blocks: Integers) -> Iterator[Integers]:
    """Yield together those of the places that are in one block."""
    places = places[np.argsort(blocks[places], kind="stable")]
    yield from (group for group in np.split(places, np.flatnonzero(np.diff(blocks[places])) + 1) if len(group))


def _file_name(run: int, runs_per_file: int) -> str:
    first = run // runs_per_file * runs_per_file
    return f"{first}-{first + runs_per_file - 1}.nc"


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
