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

from typedxp.errors import ResultsError, StoreError
from typedxp.results.runs.recorded import RecordedRun
from typedxp.results.sources.damage import Damage
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.store.writer import TIME
from typedxp.vocabulary.records import Status

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
class FinishedRun(RecordedRun):
    """A run with everything that another system may want to know; ``state`` is how it ended."""

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
    def start(self) -> float:
        """When the run began, or was planned if it never did, in seconds since 1970."""
        return _seconds(self.state.start or self.record.created)

    @property
    def end(self) -> float:
        """When the run ended, in seconds since 1970."""
        return max(self.start, _seconds(self.state.end)) if self.state.end else self.start

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
            "status": str(self.state.status),
            "digest": record.digest,
            "commit": code.commit if code else None,
            "dirty": str(code.dirty).lower() if code else None,
            "directory": str(self.directory.path),
        }
        return {f"typedxp.{name}": value for name, value in known.items() if value is not None}

    @cached_property
    def points(self) -> dict[str, tuple[Point, ...]]:
        """The records of every stream, in order.

        Where every record has a whole number called ``step``, that is its step; otherwise its place in the stream is.

        Raises:
            ResultsError: a stream cannot be read.
        """
        return {name: tuple(self._points(name)) for name in self.streams}

    def _points(self, stream: str) -> Iterator[Point]:
        records = self.read_stream(stream)
        stepped = all(type(record.get(STEP)) is int for record in records)
        for index, record in enumerate(records):
            values = {
                _name(name): value
                for name, value in record.items()
                if not name.startswith("_") and not (stepped and name == STEP)
            }
            yield Point(record[STEP] if stepped else index, float(record.get(TIME, self.start)), values)


def find_finished(store: Path, ids: Iterable[int] = ()) -> list[FinishedRun]:
    """Find the runs with these ids; without ids, every run that has ended, with a warning of those that are damaged.

    Raises:
        StoreError: one of these ids is not there, or damaged; or there is no such store.
        ResultsError: one of them has not ended, or none has.
    """
    asked = sorted(set(ids))
    opened = Store(store)
    runs = [_finished(opened.run(number)) for number in asked] if asked else list(_readable(opened))
    going = [run for run in runs if not run.state.status.final]
    if asked and going:
        shown = ", ".join(f"{run.id} ({run.state.status})" for run in going)
        raise ResultsError(f"Only runs that have ended are exported, and these of {store} have not: {shown}.")
    found = [run for run in runs if run.state.status.final]
    if not found:
        raise ResultsError(f"No run in {store} has ended: there is nothing to export.")
    return found


def _finished(directory: RunDirectory) -> FinishedRun:
    run = FinishedRun(directory, directory.read_status())
    _ = run.record  # so that damage is found before anything is written
    return run


def _readable(store: Store) -> Iterator[FinishedRun]:
    """Yield the runs of a store; warn of those that are damaged."""
    damage = Damage(store.path)
    for directory in store.runs():
        try:
            yield _finished(directory)
        except StoreError as error:
            damage.add(str(directory.id), error)
    damage.warn()


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


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
