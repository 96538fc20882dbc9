"""Owns the values of one run as arrays: which type they have, and how they are put among those of other runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from typedxp.results.problems import warn
from typedxp.results.runs.table import Ints
from typedxp.store.streams import NUMBERS, numeric_type

Array = np.ndarray[Any, Any]

_KINDS = {"f": "fiub", "i": "i", "b": "b"}
"""The kinds of arrays that hold only what fits each kind of type."""


def blank(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Make an array of missing values; integers and truths have none."""
    if dtype.kind == "f":
        return np.full(shape, math.nan, dtype)
    return np.full(shape, None, dtype) if dtype.hasobject else np.zeros(shape, dtype)


def make_row(values: Sequence[Any], dtype: np.dtype[Any]) -> Array:
    """Make an array of the values of one run, None being a missing one: of the type that they have, at best.

    That is the ``dtype``, one that it holds exactly, or a wider one where the values do not fit it.
    """
    if dtype.hasobject:
        return np.fromiter(values, dtype=object, count=len(values))
    try:
        array = np.array(values)
    except ValueError:  # lists of different lengths
        return make_column(values, dtype)
    if array.ndim == 1 and array.dtype.kind in _KINDS[dtype.kind]:
        return array.astype(np.float64) if array.dtype.kind == "u" else array
    numbers = [NUMBERS.get(value, value) if isinstance(value, str) else value for value in values]
    return make_column(numbers, dtype)


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
        warn(message)
    return made


def put(rows: Array, index: int, row: Array) -> Array:
    """Put the values of one run, of the shape (1, ...), among those of all, and return these.

    They are of a wider type where the run needs one: what is missing is no integer. What there is no room for is left
    out.
    """
    short = any(have < need for have, need in zip(row.shape, (1, *rows.shape[1:]), strict=True))
    missing = (np.float64,) if short and rows.dtype.kind in "ib" else ()
    needed = np.result_type(rows, row, *missing)
    if needed != rows.dtype:
        rows = rows.astype(needed)
    if short:
        rows[index] = None if needed.hasobject else math.nan
    target = rows[index : index + 1]
    fitting = tuple(slice(0, min(extents)) for extents in zip(row.shape, target.shape, strict=True))
    target[fitting] = row[fitting]
    return rows


def align(row: Array, positions: Ints) -> Array:
    """Put each value of a run to the place that ``positions`` have for it; what no value comes to is missing.

    ``positions`` hold for every place the record whose value it takes, or -1.
    """
    placed = np.flatnonzero((positions >= 0) & (positions < len(row)))
    whole = len(placed) == len(positions)
    aligned = blank(
        (len(positions), *row.shape[1:]), row.dtype if whole or row.dtype.hasobject else np.dtype(np.float64)
    )
    aligned[placed] = row[positions[placed]]
    return aligned


def _numbers(value: Any) -> Array:
    try:
        return np.array(value, np.float64)
    except (ValueError, TypeError, OverflowError):
        return np.array(np.nan)


_PYTHON_TYPES: dict[type, type] = {np.bool_: bool, np.int64: int}
