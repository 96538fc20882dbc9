"""Owns the shape of a dataset: which keys are dimensions, and where along them each run is."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from typedxp.errors import StoreError
from typedxp.results.labels import Identity, identity
from typedxp.results.runs import ResultsWarning, StoredRun


@dataclass(frozen=True)
class Point:
    """The value of each swept key, in their order, and the runs that have these values, in order of id."""

    values: tuple[Any, ...]
    runs: list[StoredRun] = field(default_factory=list)


@dataclass(frozen=True)
class Axis:
    """A swept key with its different values in the order of the runs, and for each point the place of its value."""

    key: str
    values: tuple[Any, ...]
    places: tuple[int, ...]


def swept_keys(runs: Iterable[StoredRun]) -> tuple[str, ...]:
    """Return every key that some run swept, in the order of the sweeps."""
    return tuple(dict.fromkeys(key for run in runs for key in run.record.point))


def varied_keys(points: Iterable[Point]) -> tuple[str, ...]:
    """Return the keys in which runs differ that have the same values at the swept keys.

    Such runs come from several commands: ``lr=0.1`` and later ``lr=0.01`` sweep nothing each, and ``lr`` together.
    """
    varied: dict[str, None] = {}
    for point in points:
        if len({run.record.digest for run in point.runs}) > 1:
            varied |= dict.fromkeys(_differing([run.record.choices for run in point.runs], ()))
            configs = [dict(_leaves(_config(run))) for run in point.runs]
            varied |= dict.fromkeys(_differing(configs, tuple(varied)))
    return tuple(varied)


def group_by_point(runs: Iterable[StoredRun], keys: Sequence[str]) -> list[Point]:
    """Group runs by their values at the swept keys; config.yaml is read only of runs that did not sweep them all."""
    points: dict[tuple[Identity, ...], Point] = {}
    for run in runs:
        values = _values(run, keys)
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


def _values(run: StoredRun, keys: Sequence[str]) -> tuple[Any, ...]:
    swept = run.record.point
    missing = [key for key in keys if key not in swept]
    values = {**swept, **(_configured(run, missing) if missing else {})}
    return tuple(values[key] for key in keys)


def _configured(run: StoredRun, keys: Sequence[str]) -> dict[str, Any]:
    # The value of a config group is the name of its option, here as in the points of a sweep.
    chosen = {key: run.record.choices[key] for key in keys if key in run.record.choices}
    if len(chosen) == len(keys):
        return chosen
    config = _config(run)
    return {key: _look_up(config, key) for key in keys} | chosen


def _config(run: StoredRun) -> dict[str, Any]:
    try:
        return run.directory.read_config()
    except StoreError as error:
        message = f"Run {run.directory.id} is labelled None along what it did not sweep: {error}"
        warnings.warn(message, ResultsWarning, stacklevel=2)
        return {}


def _differing(mappings: Sequence[Mapping[str, Any]], above: Sequence[str]) -> Iterator[str]:
    """Yield the keys that all mappings have, with different values; not those below the keys ``above``."""
    for key in mappings[0]:
        values = [mapping[key] for mapping in mappings if key in mapping]
        below = any(key.startswith(f"{group}.") for group in above)
        if not below and len(values) == len(mappings) and len(set(map(identity, values))) > 1:
            yield key


def _leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _look_up(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config


def _axis(key: str, values: Sequence[Any]) -> Axis:
    identities = list(map(identity, values))
    # The first value of each identity stays.
    different = dict(zip(reversed(identities), reversed(values), strict=True))
    order = dict.fromkeys(identities)
    places = {known: place for place, known in enumerate(order)}
    return Axis(key, tuple(different[known] for known in order), tuple(places[known] for known in identities))
