"""Owns the streams of the runs that are shown: which there are, and reading a column of one."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typedxp.results.runs import ResultsWarning, StoredRun
from typedxp.store.streams import NUMBERS, parse
from typedxp.vocabulary.records import StreamSummary


class StreamFile:
    """A stream of one run, as it was when the results were opened."""

    def __init__(self, path: Path, summary: StreamSummary) -> None:
        self.path = path
        self.summary = summary
        self._warned = False

    def read(self, column: str) -> list[Any]:
        """Read one column, None for each record that lacks it; what was appended since the opening is left out."""
        if column not in self.summary.columns:
            return []
        records = self._read_records()
        values = [record.get(column) for record in records]
        if str in set(map(type, values)) and "str" not in self.summary.columns[column].kinds:
            return [NUMBERS.get(value, value) if isinstance(value, str) else value for value in values]
        return values

    def _read_records(self) -> list[dict[str, Any]]:
        try:
            with self.path.open("rb") as file:
                records, damaged = parse(file.read(self.summary.bytes))
        except OSError as error:
            why = "was deleted" if error.errno == errno.ENOENT else f"cannot be read ({os.strerror(error.errno or 0)})"
            self._warn(f"{self.path} {why} after the results were opened: its values are missing.")
            return []
        if damaged:
            self._warn(
                f"{self.path} has {damaged} damaged line{'s' if damaged > 1 else ''}, which count as never written."
            )
        elif len(records) < self.summary.records:
            self._warn(f"{self.path} lost records after the results were opened: their values are missing.")
        return records

    def _warn(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(message, ResultsWarning, stacklevel=2)


def find_streams(runs: Sequence[StoredRun]) -> Mapping[str, tuple[StreamFile | None, ...]]:
    """Find the streams of the runs: for each, the file of every run in order, or None where a run does not have it."""
    summaries = [run.summaries() for run in runs]
    names = dict.fromkeys(name for found in summaries for name in found)
    return {
        name: tuple(
            StreamFile(run.directory.stream(name), found[name]) if name in found else None
            for run, found in zip(runs, summaries, strict=True)
        )
        for name in names
    }


def column_names(files: Sequence[StreamFile | None]) -> tuple[str, ...]:
    """Name every column of a stream, in the order in which the runs first have them.

    Those that begin with ``_`` are ours: when a record was logged, for example.
    """
    names = (name for file in files if file for name in file.summary.columns if not name.startswith("_"))
    return tuple(dict.fromkeys(names))


def longest(files: Sequence[StreamFile | None]) -> int:
    """Return the number of steps of a stream: that of the run with the most records."""
    return max((file.summary.records for file in files if file), default=0)
