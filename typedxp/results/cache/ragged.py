"""Owns the file of packed rows: netCDF4, in the contiguous ragged array representation of CF 1.11 (section 9.3.3).

What is read of such a file counts only if its sums are right, so that no damage is taken for numbers: those of each
row, and the one of its trailer.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from xarray.backends.netCDF4_ import NETCDF4_PYTHON_LOCK  # since xarray reads files of its own at the same time

from typedxp.results.cache.trailer import Stored, add_trailer, read_trailer
from typedxp.store.files import replace

Array = np.ndarray[Any, Any]
Integers = np.ndarray[Any, np.dtype[np.int64]]
Take = Callable[[Integers, Array], None]

LAYOUT = 2
KINDS = (np.dtype(np.bool_), np.dtype(np.int64), np.dtype(np.float64))
# Whatever the libraries raise for a file that is damaged, foreign, of another layout, or refused by the file system.
UNREADABLE = (
    *(OSError, RuntimeError, LookupError, AttributeError, ValueError, TypeError, OverflowError, MemoryError),
    struct.error,
)
# Values read at once: more would leave the processor's cache, and be several times as slow.
_PIECE = 2**18
_INDEX: Mapping[str, tuple[str, dict[str, Any]]] = {
    "run": ("i8", {"long_name": "id of the run"}),
    "stamp": ("i8", {"long_name": "changes whenever the files of the run change"}),
    "row_size": ("i8", {"long_name": "number of values of the run", "sample_dimension": "sample"}),
    "kind": ("i1", {"flag_values": np.arange(3, dtype=np.int8), "flag_meanings": "bool int float"}),
    "check": ("u8", {"long_name": "sum of the values of the run, as unsigned integers"}),
    "shape": ("i8", {"long_name": "sizes of the array of the run, records first; -1 for axes it has not"}),
}


@dataclass(frozen=True)
class Row:
    """The array of one run, records first, and the stamp of the files it was read from."""

    run: int
    stamp: int
    values: Array


def write_rows(path: Path, title: str, rows: Sequence[Row]) -> None:
    """Write a file of rows whole, or not at all; ``title`` says what they are. An array is float64, int64 or bool.

    Raises:
        OSError: it cannot be written.
        RuntimeError: the same, said by the netCDF library.
    """
    rows = _exact(sorted(rows, key=lambda row: row.run))
    if rows:
        # In memory, since HDF5 locks what it writes, which not every file system can, and minds a full disk.
        with NETCDF4_PYTHON_LOCK:
            data = _encode(title, rows)
        replace(path, data)


def read_rows(path: Path, title: str) -> list[Row]:
    """Read all rows of a file that are whole: none of one that cannot be read."""
    rows: list[Row] = []

    def wanted(runs: Integers, stamps: Integers) -> tuple[Integers, Integers]:
        rows.extend(Row(run, stamp, np.empty(0)) for run, stamp in zip(runs.tolist(), stamps.tolist(), strict=True))
        return np.arange(len(runs)), np.arange(len(runs))

    found: dict[int, Array] = {}
    _visit(path, title, wanted, lambda places, arrays: found.update(zip(places.tolist(), arrays, strict=True)))
    return [Row(rows[place].run, rows[place].stamp, values) for place, values in found.items()]


def take_rows(path: Path, title: str, places: Integers, ids: Integers, stamps: Integers, take: Take) -> None:
    """Hand over the rows of runs, several of the same shape at once.

    ``take`` gets those of the ``places`` that are theirs, and an array with these along its first axis. Rows that are
    not there, not whole, or not of the same stamp are left out, and so are all if the file cannot be read.
    """

    def wanted(runs: Integers, stored: Integers) -> tuple[Integers, Integers]:
        rows = np.minimum(np.searchsorted(runs, ids), len(runs) - 1)
        hits = np.flatnonzero((runs[rows] == ids) & (stored[rows] == stamps))
        hits = hits[np.argsort(rows[hits], kind="stable")]
        return places[hits], rows[hits]

    _visit(path, title, wanted, take)


def _exact(rows: Sequence[Row]) -> list[Row]:
    """Leave out the integers that would not be the same as floats, where there are floats beside them."""
    if not any(row.values.dtype == np.float64 for row in rows):
        return list(rows)
    limit = 2**53
    return [
        row for row in rows if row.values.dtype != np.int64 or not ((row.values > limit) | (row.values < -limit)).any()
    ]


def _encode(title: str, rows: Sequence[Row]) -> bytes:
    import netCDF4

    dtype = np.result_type(*{row.values.dtype for row in rows})
    values = np.concatenate([row.values.ravel() for row in rows], dtype=np.int8 if dtype == np.bool_ else dtype)
    index = _index(rows, values)
    about = {"title": title, "layout": LAYOUT}
    file = netCDF4.Dataset("rows.nc", "w", memory=values.nbytes + 2**16)
    try:
        file.setncatts({"Conventions": "CF-1.11", **about})
        # A dimension of no values would be an unlimited one.
        for name, size in {"run": len(rows), "sample": max(1, values.size)}.items():
            file.createDimension(name, size)
        if "shape" in index:
            file.createDimension("axis", index["shape"].shape[1])
        for name, array in index.items():
            kind, attrs = _INDEX[name]
            variable = file.createVariable(name, kind, ("run", "axis")[: array.ndim], fill_value=False, contiguous=True)
            variable.setncatts(attrs)
            variable[:] = array
        variable = file.createVariable("values", values.dtype, ("sample",), fill_value=False, contiguous=True)
        variable[: values.size] = values
    finally:
        data = bytes(file.close())
    return add_trailer(data, about, index, values)


def _index(rows: Sequence[Row], values: Array) -> dict[str, Array]:
    sizes = np.array([row.values.size for row in rows], np.int64)
    index: dict[str, Array] = {
        "run": np.array([row.run for row in rows], np.int64),
        "stamp": np.array([row.stamp for row in rows], np.int64),
        "row_size": sizes,
        "kind": np.array([KINDS.index(row.values.dtype) for row in rows], np.int8),
        "check": _sums(values, np.cumsum(sizes) - sizes, sizes),
    }
    if any(row.values.ndim != 1 for row in rows):
        axes = max(1, *(row.values.ndim for row in rows))
        shapes = [(*row.values.shape, *[-1] * (axes - row.values.ndim)) for row in rows]
        index["shape"] = np.array(shapes, np.int64)
    return index


def _sums(values: Array, starts: Integers, sizes: Integers) -> Array:
    """Sum the bits of the values of each row, modulo 2**64."""
    sums = np.zeros(len(sizes), np.uint64)
    some = np.flatnonzero(sizes)
    if len(some):
        bits = values.view(np.uint8 if values.itemsize == 1 else np.uint64)
        # A sum goes on to the next start, so that each row gets a stop too.
        bounds = np.stack([starts[some], starts[some] + sizes[some]], axis=1).ravel()
        bounds = bounds[:-1] if bounds[-1] == len(bits) else bounds
        sums[some] = np.add.reduceat(bits, bounds, dtype=np.uint64)[::2]
    return sums


def _visit(
    path: Path, title: str, wanted: Callable[[Integers, Integers], tuple[Integers, Integers]], take: Take
) -> None:
    try:
        with path.open("rb") as file:
            stored = read_trailer(file)
            if stored.attrs != {"title": title, "layout": LAYOUT}:
                return
            places, rows = wanted(stored.index["run"], stored.index["stamp"])
            for group, arrays in _groups(stored, places, rows):
                take(group, arrays)
    except UNREADABLE:
        return


def _groups(stored: Stored, places: Integers, rows: Integers) -> Iterator[tuple[Integers, Array]]:
    """Read rows piece by piece; yield the places of those of one shape and kind in a row, with their arrays."""
    index = stored.index
    sizes = index["row_size"]
    starts = np.cumsum(sizes) - sizes
    for piece in _split(np.diff(starts[rows] // _PIECE) != 0, len(rows)):
        first, last = rows[piece.start], rows[piece.stop - 1]
        span = slice(first, last + 1)
        values = stored.read(int(starts[first]), int(starts[last] + sizes[last]))
        offsets = starts[span] - starts[first]
        whole = _sums(values, offsets, sizes[span]) == index["check"][span]
        within = {name: array[span] for name, array in index.items()}
        yield from _stacks(values, within, whole, places[piece], rows[piece] - first)


def _stacks(
    values: Array, index: Mapping[str, Array], whole: Array, places: Integers, rows: Integers
) -> Iterator[tuple[Integers, Array]]:
    kinds, shapes = index["kind"], index.get("shape", index["row_size"][:, np.newaxis])
    changes = (np.diff(whole) != 0) | (np.diff(kinds) != 0) | (np.diff(shapes, axis=0) != 0).any(axis=1)
    groups = list(_split(changes, len(whole)))
    starts = np.array([group.start for group in groups])
    # Which of the rows that are wanted are in each group.
    bounds = [*np.searchsorted(rows, starts).tolist(), len(rows)]
    offset = 0
    for group, chosen, kind, axes, good in zip(
        groups, itertools.pairwise(bounds), kinds[starts], shapes[starts].tolist(), whole[starts].tolist(), strict=True
    ):
        count, shape = group.stop - group.start, [size for size in axes if size >= 0]
        end = offset + count * math.prod(shape)
        if good and chosen[0] < chosen[1]:
            arrays = values[offset:end].reshape(count, *shape)
            if (count, chosen[1] - chosen[0]) != (1, 1):
                arrays = _pick(arrays, rows[slice(*chosen)] - group.start)
            yield places[slice(*chosen)], arrays.astype(KINDS[kind], copy=False)
        offset = end


def _pick(arrays: Array, rows: Integers) -> Array:
    return arrays if np.array_equal(rows, np.arange(len(arrays))) else arrays[rows]


def _split(changes: Array, length: int) -> Iterator[slice]:
    """Cut so many places where there are changes from one to the next."""
    bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), length]
    yield from (slice(*bound) for bound in itertools.pairwise(bounds) if bound[0] < bound[1])
