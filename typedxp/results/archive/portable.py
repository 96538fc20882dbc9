"""Owns what has to change about a dataset so that any program can read it from a file: names, attributes and labels."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import xarray

ORIGINAL_NAME = "original_name"
# What says in a file how its numbers are stored: an attribute of the same name would change what is read.
_RESERVED = {
    *("_ARRAY_DIMENSIONS", "_Encoding", "_FillValue", "_Unsigned", "add_offset", "bounds", "calendar", "coordinates"),
    *("dtype", "grid_mapping", "missing_value", "scale_factor", "CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"),
}
# Numbers in these units would be read as durations, those in the same ones by their symbols are not.
_SYMBOLS = {
    "days": "d",
    "hours": "h",
    "minutes": "min",
    "seconds": "s",
    "milliseconds": "ms",
    "microseconds": "us",
    "nanoseconds": "ns",
}


def portable_dataset(dataset: xarray.Dataset) -> xarray.Dataset:
    """Return the dataset with names and attributes that are legal in a file, and coordinates that are no objects.

    Values of variables are not read. What was renamed has its name before in the attribute ``original_name``.
    """
    names = _legal_names([*dataset.dims, *dataset.variables])
    renamed = {old: new for old, new in names.items() if old != new}
    portable = dataset.drop_encoding().rename(renamed)
    for old, new in renamed.items():
        if new in portable.variables:
            portable[new].attrs.setdefault(ORIGINAL_NAME, str(old))
    portable = portable.assign_coords(
        {name: _plain_coordinate(coord) for name, coord in portable.coords.items() if coord.dtype.hasobject}
    )
    for variable in portable.variables.values():
        variable.attrs = portable_attrs(variable.attrs, measured=variable.dtype.kind not in "mM")
    return portable.assign_attrs(portable_attrs(portable.attrs))


def portable_attrs(attrs: Mapping[Any, Any], *, measured: bool = False) -> dict[str, Any]:
    """Return attributes as text and numbers; what is neither as JSON. Of what is ``measured``, units are no times."""
    plain = {_legal_attr(str(name)): _plain_value(value) for name, value in attrs.items()}
    unit = plain.get("units")
    if measured and isinstance(unit, str):
        plain["units"] = _SYMBOLS.get(unit, unit)
        if "since" in unit:
            plain["long_units"] = plain.pop("units")
    return plain


def as_text(values: np.ndarray[Any, Any], missing: str = "") -> np.ndarray[Any, Any]:
    """Return an array of objects as text; what is neither text nor missing as JSON."""
    texts = [_text(value, missing) for value in values.ravel().tolist()]
    made = np.empty(len(texts), object)
    made[:] = texts
    return made.reshape(values.shape)


def legal_name(name: str) -> str:
    """Return a name that netCDF takes: without slashes, white space or control characters, in normal form C."""
    legal = re.sub(r"[/\s\x00-\x1f\x7f\ud800-\udfff]", "_", unicodedata.normalize("NFC", name))
    return legal if legal and (legal[0] == "_" or legal[0].isalnum()) else f"_{legal}"


def _legal_names(names: Iterable[Hashable]) -> dict[Hashable, str]:
    """Name each by a legal name of its own; those that are legal keep theirs."""
    words = list(dict.fromkeys(names))
    taken = {word for word in words if isinstance(word, str) and legal_name(word) == word}
    legal: dict[Hashable, str] = {word: str(word) for word in taken}
    for word in (word for word in words if word not in legal):
        base = name = legal_name(str(word))
        count = 1
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name)
        legal[word] = name
    return legal


def _legal_attr(name: str) -> str:
    legal = legal_name(name)
    return f"original_{legal}" if legal in _RESERVED else legal


def _plain_value(value: Any) -> Any:
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    if isinstance(value, str):
        return value
    items = value if isinstance(value, list | tuple) else [value]
    if items and (all(map(_is_number, items)) or all(isinstance(item, str) for item in items)):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (type(value) is int and -(2**63) <= value < 2**63)


def _plain_coordinate(coord: xarray.DataArray) -> xarray.Variable:
    values = coord.values.ravel().tolist()
    if values and all(value is None or _is_number(value) for value in values):
        plain: np.ndarray[Any, Any] = np.array([np.nan if value is None else value for value in values], np.float64)
    else:
        # A label has to be there, also for None, where it tells one place of a dimension from another.
        plain = as_text(coord.values, "None" if coord.name in coord.dims else "").astype(np.str_).ravel()
    return xarray.Variable(coord.dims, plain.reshape(coord.shape), coord.attrs)


def _text(value: Any, missing: str) -> str:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124  # only NaN is not itself
        return missing
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
