"""Owns the values of arrays in artifacts: which type they have together, and reading the parts that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from typedxp.artifacts.kinds.stored import read_part
from typedxp.results.problems import warn
from typedxp.results.variables.kept import Kept, Stored

Array = np.ndarray[Any, Any]

_MISSING = {"c": np.nan, "f": np.nan, "M": np.datetime64("NaT", "ns"), "m": np.timedelta64("NaT", "ns"), "O": None}
"""By the kind of their type, what stands for missing values; other types have none."""

_NOTE = "integers or truths as floats, since some are missing; those beyond 2**53 are rounded"


class KeptArray(BackendArray):
    """An array of all runs, as one of the shape (*shape of the grid, *sizes) that is read when indexed.

    ``grid`` holds at each point the place of its run in ``kept.stored``, or -1. Smaller arrays end in missing values:
    NaN, NaT, or None among text. Integers and truths become floats where anything is missing. Only the runs that are
    asked for are read, and of them only the part that is asked for, except from ``npz``, where an array is read whole.
    """

    def __init__(self, kept: Kept, grid: Array) -> None:
        self.kept = kept
        self.grid = grid
        self.shape = (*grid.shape, *kept.sizes)
        shown = [self._at(place) for place in grid.flat]
        types = [stored.header.dtype for stored in shown if stored is not None]
        whole = all(stored is not None and stored.header.shape == kept.sizes for stored in shown)
        self.dtype = common_type(types, whole=whole)
        noted = self.dtype.kind == "f" and bool(types) and all(np.dtype(name).kind in "biu" for name in types)
        self.attrs = {**kept.attrs, **({"note": _NOTE} if noted else {})}
        self._warned = False

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Read the values that are asked for."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[int | slice | Array, ...]) -> Array:
        wanted = [_normalize(item, size) for item, size in zip(key, self.shape, strict=True)]
        lengths = [_length(item) for item in wanted]
        depth = self.grid.ndim
        places = self.grid[_outer(wanted[:depth])].ravel()
        values = np.full((places.size, *lengths[depth:]), _MISSING.get(self.dtype.kind, 0), self.dtype)
        # With an ellipsis, what belongs to one run is an array that can be filled even if it has no dimensions.
        lost = [
            index for index, place in enumerate(places) if not self._fill(values[index, ...], place, wanted[depth:])
        ]
        if lost and values.dtype.kind not in _MISSING:
            # What was whole when the results were opened is not any more.
            values = values.astype(np.float64)
            values[lost] = np.nan
        kept_axes = [
            length for item, length in zip(key, lengths, strict=True) if not isinstance(item, int | np.integer)
        ]
        return values.reshape(kept_axes)

    def _fill(self, block: Array, place: int, wanted: Sequence[slice | Array]) -> bool:
        """Read what a run has of the part that is wanted; say whether there was anything to read it from."""
        stored = self._at(place)
        if stored is None:
            return False
        overlaps = [_overlap(item, extent) for item, extent in zip(wanted, stored.header.shape, strict=True)]
        source, target = tuple(pair[0] for pair in overlaps), tuple(pair[1] for pair in overlaps)
        if not all(map(_length, target)):
            return True
        try:
            part = read_part(Path(stored.path), stored.kind, stored.array, stored.header.shape, source)
            if not np.can_cast(part.dtype, block.dtype, "same_kind"):
                raise ValueError(f"it holds {part.dtype} instead of {stored.header.dtype}")
        except Exception as error:  # noqa: BLE001 - a damaged file can fail in any way, and the others are there
            self._warn(f"The array {stored.path} cannot be read: {error}. Its values are missing.")
            return False
        block[_outer(target)] = part
        return True

    def _at(self, place: int) -> Stored | None:
        return self.kept.stored[place] if place >= 0 else None

    def _warn(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            warn(message)


def common_type(names: Iterable[str], *, whole: bool) -> np.dtype[Any]:
    """Return the type that holds arrays of these types, as numpy spells them; and missing values, unless ``whole``.

    Text, and what has no type in common, become objects.
    """
    types = set(map(_type, names))
    kinds = {found.kind for found in types}
    if kinds <= set("biufc"):
        common = np.result_type(*types) if types else np.dtype(np.float64)
        return common if whole or common.kind in "fc" else np.dtype(np.float64)
    return np.result_type(*types) if kinds in ({"M"}, {"m"}) else np.dtype(object)


def _type(name: str) -> np.dtype[Any]:
    try:
        return np.dtype(name).newbyteorder("=")
    except TypeError:
        # Written by a numpy that knows more types.
        return np.dtype(object)


def _normalize(key: int | slice | Array, size: int) -> slice | Array:
    """Make a slice without blanks, or an array of positions that are not negative; xarray's slices go upwards."""
    if isinstance(key, slice):
        start, stop, step = key.indices(size)
        return slice(start, max(start, stop), step)
    positions = np.atleast_1d(np.asarray(key))
    return np.where(positions < 0, positions + size, positions)


def _length(key: slice | Array) -> int:
    return len(range(key.start, key.stop, key.step)) if isinstance(key, slice) else key.size


def _overlap(key: slice | Array, extent: int) -> tuple[slice | Array, slice | Array]:
    """Return which positions of an array of this extent are asked for, and where they belong in what is asked for."""
    if isinstance(key, slice):
        within = slice(key.start, max(key.start, min(key.stop, extent)), key.step)
        return within, slice(0, _length(within), 1)
    there = np.flatnonzero(key < extent)
    return key[there], there


def _outer(keys: Sequence[slice | Array]) -> tuple[Any, ...]:
    """Return the index that chooses along each axis by itself."""
    if all(isinstance(key, slice) for key in keys):
        return tuple(keys)
    return np.ix_(*(np.arange(key.start, key.stop, key.step) if isinstance(key, slice) else key for key in keys))
