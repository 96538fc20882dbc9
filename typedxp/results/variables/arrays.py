"""Owns the values of a metric as an array that is read when it is indexed, and only of the runs that are asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from typedxp.results.cache.packed import PackedColumn
from typedxp.results.runs.table import Ints
from typedxp.results.variables.metrics import Metric
from typedxp.results.variables.rows import Array, align, blank, make_arrays, make_row, put
from typedxp.results.variables.streams import Damage

_TOGETHER = 1024
"""Runs whose ids divided by this are equal are read at the same time: as many as one packed file may hold."""

_WORTH_PACKING = 2**14
"""Fewer values are parsed about as fast as a packed file is written anew."""

_CHUNK = 2**25
"""The bytes that a chunk should have at most."""


class MetricArray(BackendArray):
    """A metric of all runs, as an array of the shape (*shape of the grid, steps, *sizes) that is read when indexed.

    ``grid`` holds at each point the place of its run, or -1. A metric that a run has once has no steps: the last value
    that the run logged counts.
    """

    def __init__(self, metric: Metric, grid: Ints) -> None:
        self.metric = metric
        self.grid = grid
        self.one = metric.shape
        self.shape = (*grid.shape, *self.one)
        self.dtype = metric.dtype(grid.ravel())

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Read the values that are asked for."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def load(self) -> Array:
        """Read all values."""
        return self._read((slice(None),) * len(self.shape))

    def _read(self, key: tuple[int | slice | Array, ...]) -> Array:
        places, within = key[: self.grid.ndim], key[self.grid.ndim :]
        grid = _choose(self.grid, places)
        shape = _choose(np.broadcast_to(np.False_, self.one), within).shape
        runs = grid.reshape(-1)
        damages: list[Damage] = []
        values = self._make(runs, shape)
        if all(isinstance(chosen, slice) and chosen == slice(None) for chosen in within):
            values, damages = self._fill(values, runs)
        else:
            for batch in self._batches(runs):
                rows, found = self._fill(self._make(runs[batch], self.one), runs[batch])
                damages += found
                # Wider if a file is not any more what its summary promised: rather that than a wrong number.
                values = values.astype(np.result_type(values, rows), copy=False)
                values[batch] = _choose(rows, (slice(None), *within))
        self.metric.files.tell(damages)
        return values.reshape((*grid.shape, *shape))

    def _batches(self, runs: Ints) -> list[Ints]:
        """Take the places of runs apart into those that are packed together; leave out those where there is no run."""
        blocks = np.where(runs >= 0, self.metric.files.ids[runs] // _TOGETHER, -1)
        order = np.lexsort((runs, blocks))
        order = order[blocks[order] >= 0]
        return [batch for batch in np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1) if len(batch)]

    def _make(self, runs: Ints, shape: tuple[int, ...]) -> Array:
        """Make the array of runs, with missing values where something is not going to be filled."""
        filled = self.metric.present(runs).all() and self.metric.fills(runs)
        return (np.empty if filled else blank)((len(runs), *shape), self.dtype)

    def _fill(self, rows: Array, runs: Ints) -> tuple[Array, list[Damage]]:
        """Fill an array of the shape (runs, *shape of one); return it, or a wider one, and what was wrong."""
        packed = self.metric.files.packed(self.metric.column, once=self.metric.once) if self.dtype != object else None
        wanted = self.metric.present(runs)
        if packed is not None:
            wanted &= ~self._unpack(packed, rows, runs)
        damages: list[Damage] = []
        for batch in self._batches(np.where(wanted, runs, -1)):
            parsed: dict[int, Array] = {}
            for index in batch.tolist():
                run = int(runs[index])
                row, damage = self._parse(run)
                rows = put(rows, index, self._shaped(run, row))
                if damage is None:
                    parsed[run] = row
                else:
                    # Not to be kept: the file may be whole the next time, and should be told of if it is not.
                    damages.append(damage)
            if packed is not None:
                self._pack(packed, parsed)
        return rows, damages

    def _pack(self, packed: PackedColumn, parsed: Mapping[int, Array]) -> None:
        """Keep what was parsed of finished runs, if that is worth it."""
        files = self.metric.files
        if sum(row.size for row in parsed.values()) >= _WORTH_PACKING:
            keep = [run for run in parsed if files.stamps[run] > 0]
            packed.add(files.ids[keep], files.row_stamps[keep], [parsed[run] for run in keep])

    def _unpack(self, packed: PackedColumn, rows: Array, runs: Ints) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Put what is packed into its rows, and tell which it was."""
        files = self.metric.files
        ids, stamps = files.ids[runs], np.where(runs >= 0, files.row_stamps[runs], 0)
        if self.metric.positions is None:
            return packed.read_into(rows[:, np.newaxis] if self.metric.once else rows, ids, stamps)
        found = packed.read(ids, stamps)
        for index, row in enumerate(found):
            if row is not None:
                put(rows, index, self._shaped(int(runs[index]), row))
        return np.array([row is not None for row in found], np.bool_)

    def _shaped(self, run: int, row: Array) -> Array:
        """Give the values of a run the shape (1, *shape of one), where they fill it."""
        if self.metric.once:
            return row[:1]
        return (row if self.metric.positions is None else align(row, self.metric.positions[run]))[np.newaxis]

    def _parse(self, run: int) -> tuple[Array, Damage | None]:
        """Read the values of a run from its file, in the narrowest type that holds them."""
        metric = self.metric
        values, damage = metric.files.read(run, metric.column)
        if metric.once:
            values = [next((value for value in reversed(values) if value is not None), None)]
        if metric.dims:
            return make_arrays(metric.column, values, metric.sizes_of(run)), damage
        return make_row(values, self.dtype), damage


def good_chunks(grid: tuple[int, ...], one: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, ...]:
    """Return the sizes of good chunks of an array of the shape (*grid, *one): neighbouring runs are read together."""
    room = max(1, _CHUNK // max(1, math.prod(one) * dtype.itemsize))
    sizes: list[int] = []
    for size in reversed(grid):
        sizes.append(max(1, min(size, room)))
        room //= max(1, size)
    return (*reversed(sizes), *(max(1, size) for size in one))


def _choose(array: Array, key: Sequence[int | slice | Array]) -> Array:
    """Index each axis by itself."""
    for axis in reversed(range(len(key))):  # from the last one, since an integer removes its axis
        array = array[(slice(None),) * axis + (key[axis],)]
    return np.asarray(array)
