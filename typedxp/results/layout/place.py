"""Owns where each run stands in a dataset: the dimensions that all metrics share, and the coordinates along them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray

from typedxp.results.layout.dimensions import Axis, check_grid, keeps_grid, place_runs
from typedxp.results.layout.labels import label_array
from typedxp.results.names import REPEAT, RUN, STATUS
from typedxp.results.request import Layout
from typedxp.results.runs.table import Fact, Ints, Table
from typedxp.vocabulary.records import Label

_NUMBERS = {
    "wall": {"long_name": "time that the run took", "units": "s"},
    "peak_memory": {"long_name": "most memory of the run's process", "units": "B"},
}
_TEXTS = {"code": "version of the code, + where it had changes", "cause": "why the run did not complete"}

_SELDOM = {"verified": "how a repetition of the run compared with it"}
"""What is left out where no run has it."""


@dataclass(frozen=True)
class Placed:
    """The dimensions that all metrics share, their coordinates, and which run is where: its place in a list, or -1."""

    dims: tuple[str, ...]
    grid: Ints
    coords: Mapping[str, xarray.Variable]


def lay_out(
    axes: Sequence[Axis],
    names: Mapping[str, str],
    table: Table,
    layout: Layout | None,
    describe: Callable[[str], Label],
) -> Placed:
    """Place runs in a grid if they fill enough of it, or in a list with the keys as coordinates along it."""
    listed = layout == "runs" or (layout is None and not keeps_grid(axes, len(table)))
    if listed:
        dims: tuple[str, ...] = (RUN,)
        grid = np.arange(len(table))
        labels = {axis.key: (dims, [axis.values[place] for place in axis.places.tolist()]) for axis in axes}
    else:
        check_grid(axes, len(table))
        dims = tuple(names[axis.key] for axis in axes)
        grid = place_runs(axes, len(table))
        labels = {axis.key: ((names[axis.key],), list(axis.values)) for axis in axes}
    coords = {
        names[key]: xarray.Variable(along, label_array(values), _describe(key, describe(key)))
        for key, (along, values) in labels.items()
    }
    return Placed(dims, grid, _about_runs(table, dims, grid) | coords)


def place_values(placed: Placed, fact: Fact, attrs: Mapping[str, str]) -> xarray.Variable:
    """Make the coordinate of a fact that is no dimension."""
    values = label_array([*fact.listed(), None])
    return xarray.Variable(placed.dims, values[placed.grid], attrs)


def _about_runs(table: Table, dims: tuple[str, ...], grid: Ints) -> dict[str, xarray.Variable]:
    """Make the coordinates that tell of each point which run it comes from, and what became of that."""
    return {
        RUN: xarray.Variable(
            dims, np.append(table.ids, -1)[grid], {"long_name": "id of the run, -1 where there is none"}
        ),
        STATUS: _texts(table.fact("status"), dims, grid, "status of the run", "missing"),
        "attempt": xarray.Variable(
            dims,
            _numbers(table.fact("attempt"), grid, 0).astype(np.int64),
            {"long_name": "how often the run was started"},
        ),
        **{
            name: xarray.Variable(dims, _numbers(table.fact(name), grid, math.nan), attrs)
            for name, attrs in _NUMBERS.items()
        },
        **{name: _texts(table.fact(name), dims, grid, about, "") for name, about in _TEXTS.items()},
        **{
            name: _texts(table.facts[name], dims, grid, about, "")
            for name, about in _SELDOM.items()
            if name in table.facts
        },
    }


def _numbers(fact: Fact, grid: Ints, missing: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.array([*fact.values, missing], np.float64)[np.append(fact.places, -1)]
    placed: np.ndarray[Any, np.dtype[np.float64]] = values[grid]
    return placed


def _texts(fact: Fact, dims: tuple[str, ...], grid: Ints, about: str, missing: str) -> xarray.Variable:
    compact = fact.compact()
    values = np.array([*(_first_line(value) for value in compact.values), missing])
    return xarray.Variable(dims, values[np.append(compact.places, -1)[grid]], {"long_name": about})


def _first_line(text: str) -> str:
    line = text.partition("\n")[0].rstrip("\0")
    return line if len(line) <= 200 else f"{line[:197]}..."


def _describe(key: str, label: Label) -> dict[str, str]:
    if key == REPEAT:
        return {"long_name": "which of the runs of a point"}
    known = {"key": key, "long_name": label.description, "units": label.unit}
    return {name: text for name, text in known.items() if text}
