"""Owns the shape of a dataset: which keys are dimensions, and where along them each run is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from typedxp.results.commands import Commands
from typedxp.results.labels import Identity, identity
from typedxp.results.runs import StoredRun


@dataclass(frozen=True)
class Point:
    """The value of each dimension's key, in their order, and the runs that have these values, in order of id."""

    values: tuple[Any, ...]
    runs: list[StoredRun] = field(default_factory=list)


@dataclass(frozen=True)
class Axis:
    """A key with its different values in the order of the runs, and for each point the place of its value."""

    key: str
    values: tuple[Any, ...]
    places: tuple[int, ...]


def swept_keys(runs: Iterable[StoredRun]) -> tuple[str, ...]:
    """Return every key that some run swept, in the order of the sweeps."""
    return tuple(dict.fromkeys(key for run in runs for key in run.record.point))


def group_by_point(runs: Iterable[StoredRun], keys: Sequence[str], commands: Commands) -> list[Point]:
    """Group runs by their values at the keys that are dimensions."""
    points: dict[tuple[Identity, ...], Point] = {}
    for run in runs:
        values = tuple(commands.value(run, key) for key in keys)
        points.setdefault(tuple(map(identity, values)), Point(values)).runs.append(run)
    return list(points.values())


def make_axes(keys: Sequence[str], points: Sequence[Point]) -> tuple[Axis, ...]:
    """Collect the values along each key."""
    return tuple(_axis(key, [point.values[index] for point in points]) for index, key in enumerate(keys))


def keeps_grid(axes: Sequence[Axis], runs: int) -> bool:
    """Decide whether the runs fill enough of the product of the axes to be shown as a grid of it."""
    cells = math.prod(len(axis.values) for axis in axes)
    return cells <= max(4 * runs, 1000)


def place_runs(axes: Sequence[Axis], runs: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the place of the run at each point of the product of the axes, -1 where there is none."""
    grid = np.full([len(axis.values) for axis in axes], -1, dtype=np.int64)
    grid[tuple(np.array(axis.places, dtype=np.int64) for axis in axes)] = np.arange(runs) if axes else 0
    return grid


def _axis(key: str, values: Sequence[Any]) -> Axis:
    identities = list(map(identity, values))
    # The first value of each identity stays.
    different = dict(zip(reversed(identities), reversed(values), strict=True))
    order = dict.fromkeys(identities)
    places = {known: place for place, known in enumerate(order)}
    return Axis(key, tuple(different[known] for known in order), tuple(places[known] for known in identities))
