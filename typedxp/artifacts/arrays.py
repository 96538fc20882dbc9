"""Owns what is recorded of the arrays in an artifact: types, shapes, and the dimensions that the user names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from typedxp.artifacts.kinds.files import is_path
from typedxp.artifacts.kinds.stored import NETCDF, array_kind, describe_file, describe_value
from typedxp.errors import RecordError, nearest
from typedxp.vocabulary.artifacts import ArrayHeader

Dims = Sequence[str] | Mapping[str, Sequence[str]]
"""The names of the dimensions of an array, or those of several arrays by name."""


def describe_given(value: Any, kind: str, name: str, dims: Dims | None) -> dict[str, ArrayHeader]:
    """Describe the arrays of numpy that are about to be kept, with the dimensions that the user names.

    Raises:
        RecordError: the names do not fit.
    """
    format_ = array_kind(kind, name)
    if format_ in NETCDF and dims is not None:
        raise RecordError(f"The arrays of the artifact {name!r} have dimensions of their own: leave out dims={dims!r}.")
    arrays: dict[str, ArrayHeader] = {}
    if format_ in ("npy", "npz"):
        arrays = describe_file(Path(value), format_, name) if is_path(value) else describe_value(value, name)
    return arrays if dims is None else _name_dimensions(arrays, dims, name)


def describe_written(path: Path, kind: str, name: str) -> dict[str, ArrayHeader]:
    """Describe the arrays in a file of netCDF: only that tells as what types the values come back."""
    format_ = array_kind(kind, name)
    return describe_file(path, format_, name) if format_ in NETCDF else {}


def _name_dimensions(arrays: Mapping[str, ArrayHeader], dims: Dims, name: str) -> dict[str, ArrayHeader]:
    if not arrays:
        raise RecordError(f"The artifact {name!r} holds no array of numpy: leave out dims={dims!r}.")
    single = set(arrays) == {""}
    if single is isinstance(dims, Mapping):
        wanted = "('x', 'y')" if single else f"{{{next(iter(arrays))!r}: ('x', 'y')}}"
        raise RecordError(
            f"The artifact {name!r} holds {'one array' if single else 'arrays by name'}: "
            f"give its dimensions as dims={wanted}, not as {dims!r}."
        )
    given = dims if isinstance(dims, Mapping) else {"": dims}
    for array in given:
        if array not in arrays:
            raise RecordError(f"The artifact {name!r} holds no array {array!r}. {nearest(str(array), arrays)}")
    return {
        array: _named(header, given[array], f"{name!r}{f' ({array})' if array else ''}") if array in given else header
        for array, header in arrays.items()
    }


def _named(header: ArrayHeader, dims: object, what: str) -> ArrayHeader:
    # A single name is what xarray takes for one dimension, too.
    names = (dims,) if isinstance(dims, str) else dims
    try:
        if not isinstance(names, Sequence):
            raise TypeError("give a tuple of names")
        return replace(header, dims=tuple(names))
    except (ValueError, TypeError) as error:
        raise RecordError(
            f"The array {what} of shape {header.shape} cannot have the dimensions {dims!r}: {error}."
        ) from error
