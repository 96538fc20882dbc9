"""Owns the values of a metric: which type they have, and reading them from the runs that are asked for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from typedxp.results.metrics import Metric
from typedxp.results.runs import ResultsWarning
from typedxp.results.streams import StreamFile
from typedxp.store.streams import numeric_type

Array = np.ndarray[Any, Any]


class MetricArray(BackendArray):
    """A metric of all runs, as an array of the shape (*shape of the grid, steps, *sizes) that is read when indexed.

    ``grid`` holds at each point the place of its run's stream in the metric's files, or -1. A metric that a run has
    once has no steps: the last value that the run logged counts.
    """

    def __init__(self, metric: Metric, grid: Array) -> None:
        self.metric = metric
        self.grid = grid
        self.one = metric.sizes if metric.steps is None else (metric.steps, *metric.sizes)
        self.shape = (*grid.shape, *self.one)
        self.dtype = metric_type(metric, [self._file(place) for place in grid.flat])

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Read the values that are asked for."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[int | slice | Array, ...]) -> Array:
        places, within = key[: self.grid.ndim], key[self.grid.ndim :]
        grid = _choose(self.grid, places)
        shape = _choose(np.broadcast_to(np.False_, self.one), within).shape
        values = np.empty((grid.size, *shape), self.dtype)
        for index, place in enumerate(grid.flat):
            column = self._column(place)
            if column.dtype != values.dtype:
                # The file is not any more what its summary promised: say what is there, rather than a wrong number.
                values = values.astype(np.result_type(values, column))
            # A slice, since a place of its own would take an object without dimensions for what it holds.
            values[index : index + 1] = _choose(column, within)
        return values.reshape((*grid.shape, *shape))

    def _column(self, place: int) -> Array:
        file = self._file(place)
        values = file.read(self.metric.column) if file else []
        if self.metric.once:
            last = next((value for value in reversed(values) if value is not None), None)
            return self._make([last]).reshape(self.one)
        steps = self.one[0]
        return self._make(values[:steps] + [None] * (steps - len(values)))

    def _make(self, values: Sequence[Any]) -> Array:
        if self.metric.dims:
            return make_arrays(self.metric.column, values, self.metric.sizes)
        return make_column(values, self.dtype)

    def _file(self, place: int) -> StreamFile | None:
        return self.metric.files[place] if place >= 0 else None


def _choose(array: Array, key: Sequence[int | slice | Array]) -> Array:
    """Index each axis by itself."""
    for axis in reversed(range(len(key))):  # from the last one, since an integer removes its axis
        array = array[(slice(None),) * axis + (key[axis],)]
    return np.asarray(array)


def metric_type(metric: Metric, files: Sequence[StreamFile | None]) -> np.dtype[Any]:
    """Return the type of a metric in some of its files, from what is declared and summed up: no value is read.

    It is that of integers or truths only if nothing is missing.
    """
    if metric.dims:
        return np.dtype(np.float64)
    found = [file.summary.columns.get(metric.column) if file else None for file in files]
    kinds = {kind for summary in found if summary for kind in summary.kinds}
    word = metric.declared.dtype if metric.declared is not None else None
    if word == "str" or not kinds.isdisjoint({"str", "other"}):
        return np.dtype(object)
    steps = metric.steps
    if word != "float" and len(kinds) == 1 and all(summary and steps in (None, summary.records) for summary in found):
        return {"bool": np.dtype(np.bool_), "int": np.dtype(np.int64)}.get(kinds.pop(), np.dtype(np.float64))
    return np.dtype(np.float64)


def make_column(values: Sequence[Any], dtype: np.dtype[Any]) -> Array:
    """Make an array of values, None being a missing one: of the ``dtype``, or of a wider one that can hold them all."""
    types = set(map(numeric_type, values))
    if dtype.hasobject or not types <= {bool, int, float, type(None)}:
        return np.fromiter(values, dtype=object, count=len(values))
    if types <= {_PYTHON_TYPES.get(dtype.type)}:
        return np.array(values, dtype)
    try:
        return np.array(values, np.float64)
    except OverflowError:
        return np.array([float(str(value)) if isinstance(value, int) else value for value in values], np.float64)


def make_arrays(column: str, values: Sequence[Any], sizes: tuple[int, ...]) -> Array:
    """Make one array of the nested lists of a column, each padded by NaN to the ``sizes``; warn of what is none."""
    made = np.full((len(values), *sizes), np.nan)
    misfits = 0
    for place, value in zip(made, values, strict=True):
        array = _numbers(value)
        if array.ndim == len(sizes):
            fitting = tuple(slice(0, min(extents)) for extents in zip(array.shape, sizes, strict=True))
            place[fitting] = array[fitting]
        elif value is not None and array.size:
            misfits += 1
    if misfits:
        message = f"{misfits} values of {column!r} are not arrays with {len(sizes)} dimensions, and count as missing."
        warnings.warn(message, ResultsWarning, stacklevel=2)
    return made


def _numbers(value: Any) -> Array:
    try:
        return np.array(value, np.float64)
    except (ValueError, TypeError, OverflowError):
        return np.array(np.nan)


_PYTHON_TYPES: dict[type, type] = {np.bool_: bool, np.int64: int}
