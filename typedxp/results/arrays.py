"""Owns the values of a metric: which type they have, and reading them from the runs that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from typedxp.results.streams import StreamFile
from typedxp.store.streams import numeric_type

Array = np.ndarray[Any, Any]


class MetricArray(BackendArray):
    """One metric of all runs, as an array of the shape (*shape of the grid, steps) that is read when it is indexed.

    ``grid`` holds at each point the place of its run's stream in ``files``, or -1.
    """

    def __init__(self, column: str, grid: Array, files: Sequence[StreamFile | None], steps: int) -> None:
        self.column = column
        self.grid = grid
        self.files = tuple(files)
        self.shape = (*grid.shape, steps)
        self.dtype = metric_type(column, [self._file(place) for place in grid.flat], steps)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Read the values that are asked for."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[int | slice | Array, ...]) -> Array:
        *places, steps = key
        grid = self.grid
        for axis in reversed(range(len(places))):  # from the last one, since an integer removes its axis
            grid = grid[(slice(None),) * axis + (places[axis],)]
        grid = np.asarray(grid)
        one = np.empty(self.shape[-1], np.bool_)[steps]
        values = np.empty((grid.size, *one.shape), self.dtype)
        for index, place in enumerate(grid.flat):
            column = self._column(place)
            if column.dtype != values.dtype:
                # The file is not any more what its summary promised: say what is there, rather than a wrong number.
                values = values.astype(np.result_type(values, column))
            values[index] = column[steps]
        return values.reshape((*grid.shape, *one.shape))

    def _column(self, place: int) -> Array:
        file, steps = self._file(place), self.shape[-1]
        values = file.read(self.column)[:steps] if file else []
        return make_column(values + [None] * (steps - len(values)), self.dtype)

    def _file(self, place: int) -> StreamFile | None:
        return self.files[place] if place >= 0 else None


def metric_type(column: str, files: Sequence[StreamFile | None], steps: int) -> np.dtype[Any]:
    """Return the type of a metric, from the summaries alone: integers and truths only if nothing is missing."""
    found = [file.summary.columns.get(column) if file else None for file in files]
    kinds = {kind for summary in found if summary for kind in summary.kinds}
    if not kinds.isdisjoint({"str", "other"}):
        return np.dtype(object)
    if len(kinds) == 1 and all(summary and summary.records == steps for summary in found):
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


_PYTHON_TYPES: dict[type, type] = {np.bool_: bool, np.int64: int}
