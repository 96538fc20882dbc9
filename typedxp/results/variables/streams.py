"""Owns reading a column of a stream: from the packed cache where it is there, else from the files that runs wrote."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from typedxp.results.cache.packed import PackedColumn
from typedxp.results.problems import warn
from typedxp.results.runs.table import Ints, Streamed, Table
from typedxp.results.runs.tabulate import DIRECTORY
from typedxp.results.sources.formats import parse_column
from typedxp.vocabulary.tree import ABSENT

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Damage:
    """What was wrong with a file, so that it is said once."""

    path: str
    what: str


@dataclass(frozen=True)
class StreamFiles:
    """A stream of runs, as it was when the results were opened; a run is named by its place among them.

    ``cache`` is the directory of caches, None where nothing may be kept.
    """

    name: str
    root: Path
    cache: Path | None
    ids: Ints
    stamps: Ints
    directories: tuple[str, ...]
    streamed: Streamed
    told: set[Damage] = field(default_factory=set, compare=False, repr=False)

    @classmethod
    def none(cls, name: str, table: Table) -> StreamFiles:
        """Make the stream that is declared, and that no run has."""
        streamed = Streamed.absent(len(table))
        return cls(name, Path(), None, table.ids, table.stamps, ("",) * len(table), streamed)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns, in the order in which the runs first have them.

        Those that begin with ``_`` are ours: when a record was logged, for example.
        """
        names = (name for columns in self.streamed.columns.used for name in columns if not name.startswith("_"))
        return tuple(dict.fromkeys(names))

    @property
    def longest(self) -> int:
        """The number of records of the run that has most of them."""
        return max(0, int(self.streamed.records.max(initial=0)))

    @cached_property
    def row_stamps(self) -> Ints:
        """A number for each run that changes whenever its stream does; 0 where it may still change."""
        return np.where(self.stamps > 0, (self.stamps * 31 + self.streamed.bytes) % 2**62 + 1, 0)

    def packed(self, column: str, *, once: bool) -> PackedColumn | None:
        """Return the packed cache of a column, or of its last values if they count ``once``, if there may be one."""
        # No stream has a slash in its name.
        stream = f"{self.name}/last" if once else self.name
        return PackedColumn(self.cache, stream, column) if self.cache is not None else None

    def read(self, run: int, column: str) -> tuple[list[Any], Damage | None]:
        """Read a column of a run from its file, None for each record that lacks it, and what was wrong with it.

        What was appended since the opening is left out.
        """
        file = self.streamed.files[run]
        if file is ABSENT:
            return [], None
        path, counted = f"{self.root}/{self.directories[run]}/{file}", int(self.streamed.records[run])
        try:
            # Once per run, where a path and a buffer cost as much as the reading.
            with open(path, "rb", buffering=0) as stream:  # noqa: PTH123
                data = stream.read()[: int(self.streamed.bytes[run])]
        except OSError as error:
            why = "was deleted" if error.errno == errno.ENOENT else f"cannot be read ({os.strerror(error.errno or 0)})"
            return [], Damage(path, f"{why} after the results were opened: its values are missing.")
        values, damaged = parse_column(data, file[file.rindex(".") :], column, counted)
        if damaged:
            lines = f"{damaged} damaged line{'s' if damaged > 1 else ''}"
            return values, Damage(path, f"has {lines}, which count as never written.")
        if len(values) < counted:
            return values, Damage(path, "lost records after the results were opened: their values are missing.")
        return values, None

    def tell(self, damages: Iterable[Damage]) -> None:
        """Warn of what was wrong with files, in one warning, and of each file once."""
        new = [damage for damage in dict.fromkeys(damages) if damage not in self.told]
        if new:
            self.told.update(new)
            more = f" The same or the like holds for {len(new) - 1} more files." if len(new) > 1 else ""
            warn(f"{new[0].path} {new[0].what}{more}")


def find_streams(table: Table, root: Path, cache: Path | None) -> dict[str, StreamFiles]:
    """Find the streams of the runs, by name."""
    directories = tuple(table.fact(DIRECTORY))
    return {
        name: StreamFiles(name, root, cache, table.ids, table.stamps, directories, streamed)
        for name, streamed in table.streams.items()
    }
