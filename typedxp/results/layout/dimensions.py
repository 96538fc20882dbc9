"""Owns the shape of a dataset: the values along each dimension, where along them each run is, and which run counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from typedxp.errors import ResultsError
from typedxp.results.layout.labels import Identity, identity
from typedxp.results.problems import warn
from typedxp.results.runs.table import Fact, Ints, Table
from typedxp.vocabulary.records import RunStatus
from typedxp.vocabulary.tree import ABSENT

Duplicates = Literal["newest", "all", "error"]
"""What becomes of several runs of one point."""


_SPARSEST = 8
"""A grid with more places for each run is a list of runs."""

_MOST_AXES = 24
"""Arrays have 32 dimensions at most in some versions of numpy, and metrics have some of their own."""

_MOST_CELLS = 2**27
"""A grid has several arrays of so many values, before any metric is read."""


@dataclass(frozen=True)
class Axis:
    """A key with its different values in the order of the runs, and for each run the place of its value."""

    key: str
    values: tuple[Any, ...]
    places: Ints

    def take(self, runs: Ints) -> Axis:
        """Return the axis of some of the runs, with all its values."""
        return Axis(self.key, self.values, self.places[runs])

    def compact(self) -> Axis:
        """Return the axis with only the values that some run has."""
        fact = Fact(self.values, self.places).compact()
        return Axis(self.key, fact.values, fact.places)


def make_axis(key: str, fact: Fact) -> Axis:
    """Collect the values along a key: those that are equal are one, and no value is None."""
    known: dict[Identity, int] = {}
    values: list[Any] = []
    ordered = fact.compact()
    absent = not ordered.present.all()
    translated = []
    for value in [*ordered.values, *([None] if absent else [])]:
        place = known.setdefault(identity(value), len(values))
        if place == len(values):
            values.append(value)
        translated.append(place)
    # In the order in which the runs first have them.
    return Axis(key, tuple(values), np.array(translated, np.int64)[ordered.places]).compact()


def number_points(axes: Sequence[Axis], runs: int) -> Ints:
    """Number the points: runs have the same number if, and only if, they have the same place along every axis."""
    points = np.zeros(runs, np.int64)
    for axis in axes:
        # Numbered anew each time, so that no product of many axes outgrows 64 bits.
        points = np.unique(points * len(axis.values) + axis.places, return_inverse=True)[1]
    return points.reshape(-1)


def newest(table: Table, points: Ints) -> Ints:
    """Choose the run that counts at each point: the newest completed one, or else the newest. In order of first run."""
    completed = np.array([status == RunStatus.COMPLETED for status in table.fact("status")], np.bool_)
    order = np.lexsort((table.ids, completed, points))
    last = np.append(np.diff(points[order]) != 0, True)
    chosen: Ints = order[last]
    first = np.unique(points, return_index=True)[1]
    in_order: Ints = chosen[np.argsort(first)]
    return in_order


def choose_runs(table: Table, axes: Sequence[Axis], duplicates: Duplicates) -> tuple[Ints, tuple[Axis, ...]]:
    """Choose the runs that are shown, and the axes along which they have places, an axis ``repeat`` for all of a point.

    Raises:
        ResultsError: a point has several runs, and that is an error.
    """
    points = number_points(axes, len(table))
    if duplicates == "all":
        return np.arange(len(table)), (*axes, *_repeats(points))
    chosen = newest(table, points)
    if duplicates == "error" and len(chosen) < len(table):
        raise ResultsError(_describe_duplicates(table, points))
    _warn_of_hidden(table, points)
    return chosen, tuple(axis.take(chosen) for axis in axes)


def _repeats(points: Ints) -> tuple[Axis, ...]:
    order = np.argsort(points, kind="stable")
    starts = np.append(0, np.flatnonzero(np.diff(points[order])) + 1)
    counts = np.diff(np.append(starts, len(points)))
    repeat = np.empty(len(points), np.int64)
    repeat[order] = np.arange(len(points)) - np.repeat(starts, counts)
    return (Axis("repeat", tuple(range(int(counts.max()))), repeat),) if len(points) else ()


def keeps_grid(axes: Sequence[Axis], runs: int) -> bool:
    """Decide whether the runs fill enough of the product of the axes to be shown as a grid of it."""
    return len(axes) <= _MOST_AXES and _cells(axes) <= _SPARSEST * runs


def check_grid(axes: Sequence[Axis], runs: int) -> None:
    """Check that runs can be shown as a grid at all.

    Raises:
        ResultsError: it has too many dimensions, or points.
    """
    if len(axes) > _MOST_AXES or _cells(axes) > _MOST_CELLS:
        raise ResultsError(
            f"A grid of {len(axes)} dimensions and {_cells(axes):.1g} points is too large for {runs} runs. "
            'Choose fewer dimensions by dims= or drop=, or take layout="runs".'
        )


def _cells(axes: Sequence[Axis]) -> int:
    return math.prod(len(axis.values) for axis in axes)


def place_runs(axes: Sequence[Axis], runs: int) -> Ints:
    """Return the place of the run at each point of the product of the axes, -1 where there is none."""
    grid = np.full([len(axis.values) for axis in axes], -1, dtype=np.int64)
    grid[tuple(axis.places for axis in axes)] = np.arange(runs) if axes else 0
    return grid


def _describe_duplicates(table: Table, points: Ints) -> str:
    found, counts = np.unique(points, return_counts=True)
    several = found[counts > 1]
    ids = ", ".join(map(str, table.ids[points == several[0]].tolist()[:10]))
    count = f"{len(several)} points have" if len(several) > 1 else "One point has"
    return (
        f"{count} several runs (for example runs {ids}). Choose among them by where= or runs=, add a dimension in "
        'which they differ by dims=, or take duplicates="newest" or "all".'
    )


def _warn_of_hidden(table: Table, points: Ints) -> None:
    """Warn of runs that share a point with a run of another config, since one of them is not shown."""
    pairs = np.unique(np.stack([points, table.fact("digest").places]), axis=1)
    found, counts = np.unique(pairs[0], return_counts=True)
    mixed = found[counts > 1]
    if len(mixed):
        ids = ", ".join(map(str, table.ids[points == mixed[0]].tolist()[:10]))
        files = table.fact("experiment.file").take(np.flatnonzero(np.isin(points, mixed)))
        message = (
            f"Runs of different configs share {len(mixed)} point{'s' if len(mixed) > 1 else ''} "
            f"(for example runs {ids}): of each point only the newest completed run is shown. "
            f"{_describe_scripts(files)}Keep them apart by more dims=, choose among them by where=, or show all by "
            'duplicates="all".'
        )
        warn(message)


def _describe_scripts(files: Fact) -> str:
    names = {"a notebook" if file is ABSENT else file for file in files}
    return f"They come from several scripts: {', '.join(sorted(names))}. " if len(names) > 1 else ""
