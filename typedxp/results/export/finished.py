"""Owns a finished run as other systems see it: parameters, tags, and metrics by step."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from typedxp.errors import ResultsError
from typedxp.results.problems import warn
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.store.streams import NUMBERS, parse, summarize
from typedxp.store.writer import TIME
from typedxp.vocabulary.records import RunRecord, RunStatus, Status

STEP = "step"


@dataclass(frozen=True)
class Exported:
    """What came of exporting a run to ``place``: ``written`` is false if it was there already."""

    place: str
    written: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Point:
    """The metrics of one record. ``time`` is when it was logged, or else when the run began, in seconds since 1970."""

    step: int
    time: float
    values: Mapping[str, Any]


@dataclass(frozen=True)
class FinishedRun:
    """A run with everything that another system may want to know."""

    directory: RunDirectory
    record: RunRecord
    state: Status

    @property
    def identity(self) -> str:
        """A text that no other run has, in whatever store."""
        return f"{self.record.id}-{self.record.sweep}"

    @property
    def name(self) -> str:
        """What the run is called by people."""
        return f"{self.record.experiment.name}-{self.record.id}"

    @property
    def status(self) -> RunStatus:
        """How the run ended."""
        return self.state.status

    @property
    def start(self) -> float:
        """When the run began, or was planned if it never did, in seconds since 1970."""
        return _seconds(self.state.start or self.record.created)

    @property
    def end(self) -> float:
        """When the run ended, in seconds since 1970."""
        return max(self.start, _seconds(self.state.end)) if self.state.end else self.start

    @cached_property
    def config(self) -> dict[str, Any]:
        """The config as plain values; secrets are redacted in the run already.

        Raises:
            StoreError: it cannot be read.
        """
        return self.directory.read_config()

    @property
    def parameters(self) -> dict[str, Any]:
        """The config by dotted keys: scalars as they are, lists and empty mappings as JSON."""
        return dict(_flatten(self.config))

    @property
    def tags(self) -> dict[str, str]:
        """What names the run and its code."""
        record, code = self.record, self.record.code
        known = {
            "run": str(record.id),
            "sweep": record.sweep,
            "status": str(self.status),
            "digest": record.digest,
            "commit": code.commit if code else None,
            "dirty": str(code.dirty).lower() if code else None,
            "directory": str(self.directory.path),
        }
        return {f"typedxp.{name}": value for name, value in known.items() if value is not None}

    @cached_property
    def streams(self) -> dict[str, tuple[Point, ...]]:
        """The records of every stream, in order.

        Where every record has a whole number called ``step``, that is its step; otherwise its place in the stream is.

        Lines that are damaged are passed over, with a warning.
        """
        return {name: self._read(name) for name in self.directory.streams()}

    def _read(self, stream: str) -> tuple[Point, ...]:
        path = self.directory.stream(stream)
        data = path.read_bytes()
        records, damaged = parse(data)
        summary = self.state.streams.get(stream)
        if summary is None or summary.bytes != len(data):
            summary = summarize(path)
        if damaged:
            message = f"{path} has {damaged} damaged line{'s' if damaged > 1 else ''}, which count as never written."
            warn(message)
        texts = {name for name, column in summary.columns.items() if "str" in column.kinds}
        stepped = all(type(record.get(STEP)) is int for record in records)
        return tuple(
            Point(
                record[STEP] if stepped else index,
                float(record.get(TIME, self.start)),
                {
                    _name(name): value if name in texts else _number(value)
                    for name, value in record.items()
                    if not name.startswith("_") and not (stepped and name == STEP)
                },
            )
            for index, record in enumerate(records)
        )


def find_finished(store: Path, ids: Iterable[int] = ()) -> list[FinishedRun]:
    """Find the runs with these ids; without ids, every run that has ended.

    Raises:
        StoreError: one of them is not there, or damaged.
        ResultsError: one of them has not ended, or none has.
    """
    asked = sorted(set(ids))
    directories = [Store(store).run(number) for number in asked] if asked else list(Store(store).runs())
    runs = [FinishedRun(directory, directory.read_record(), directory.read_status()) for directory in directories]
    going = [run for run in runs if not run.status.final]
    if asked and going:
        shown = ", ".join(f"{run.directory.id} ({run.status})" for run in going)
        raise ResultsError(f"Only runs that have ended are exported, and these of {store} have not: {shown}.")
    found = [run for run in runs if run.status.final]
    if not found:
        raise ResultsError(f"No run in {store} has ended: there is nothing to export.")
    return found


def load(module: str, extra: str) -> Any:
    """Import a library that an export needs.

    Raises:
        ResultsError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ResultsError(
            f"This export needs {extra}, which cannot be imported ({error}): pip install 'typedxp[{extra}]'."
        ) from error


def left_out(run: FinishedRun, system: str, names: Iterable[str], why: str) -> tuple[str, ...]:
    """Say which metrics another system does not hold, or not as they are."""
    listed = ", ".join(sorted(set(names)))
    return (f"run {run.record.id}: {system} {why}: {listed}",) if listed else ()


def as_float(value: float) -> float:
    """Return the float next to a number, infinity for an integer beyond all floats."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def as_text(value: Any) -> str:
    """Write a parameter as text: scalars as Python does, anything else as JSON."""
    return json.dumps(value, default=str) if isinstance(value, list | dict) else str(value)


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", as_text(value) if isinstance(value, list | dict) else value


def _name(metric: str) -> str:
    # Called as in the results: the step itself is the one that every system has.
    return f"{STEP}_" if metric == STEP else metric


def _number(value: Any) -> Any:
    if isinstance(value, list):
        return [_number(item) for item in value]
    return NUMBERS.get(value, value) if isinstance(value, str) else value


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
