"""Owns bringing an array onto the dimensions that a table or a figure has a place for, and what these are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray

from typedxp.errors import ResultsError, nearest
from typedxp.results.analysis.styles import one_line


def title_of(variable: xarray.DataArray) -> str:
    """Return what an axis, a column or a legend for a variable is called, with its unit: ``loss [nat]``."""
    called = "value" if variable.name is None else variable.name
    name = variable.attrs.get("long_name") or variable.attrs.get("key") or called
    units = variable.attrs.get("units")
    return one_line(f"{name} [{units}]" if units else str(name))


def title_along(array: xarray.DataArray, name: str) -> str:
    """Return what an axis along a dimension or a coordinate is called."""
    return title_of(array[name]) if name in array.coords else name


def lay_out(array: xarray.DataArray, kept: Sequence[str], over: Sequence[str]) -> tuple[xarray.DataArray, list[str]]:
    """Bring an array onto the dimensions ``kept``; return it with those to go over, and no others are left.

    A name may be that of a coordinate along a dimension, as keys are along the dimension ``run``: the array is then
    rearranged, and what has the same labels lies along the old dimension, to go over. Dimensions of one element are
    dropped.

    Raises:
        ResultsError: a name is not known or given twice, a dimension is left, or what would go over differs in a key
            that is not named.
    """
    _check_names(array, [*kept, *over])
    array = array.expand_dims([name for name in kept if name in array.coords and not array[name].ndim])
    over = [name for name in over if name in array.dims or array[name].ndim]
    named = [*kept, *over]
    for dim in dict.fromkeys(str(array[name].dims[0]) for name in named if name not in array.dims):
        array, over = _lay_out_along(array, dim, kept, over)
    single = [dim for dim, size in array.sizes.items() if size == 1 and dim not in (*kept, *over)]
    array = array.squeeze(single, drop=True)
    _refuse_rest(array, (*kept, *over))
    return array.transpose(*kept, *over), over


def _check_names(array: xarray.DataArray, names: Sequence[str]) -> None:
    known = sorted({str(name) for name in (*array.dims, *array.coords)})
    for name in names:
        if name not in known:
            raise ResultsError(f"{array.name} has no dimension {name!r}. {nearest(name, known)}")
        if names.count(name) > 1:
            raise ResultsError(f"{name} is named twice: a dimension can go to one place only.")
        if name not in array.dims and array[name].ndim > 1:
            raise ResultsError(f"{name} is no dimension, but a coordinate along {_listed(array[name].dims)}.")


def _lay_out_along(
    array: xarray.DataArray, dim: str, kept: Sequence[str], over: Sequence[str]
) -> tuple[xarray.DataArray, list[str]]:
    """Replace a dimension by coordinates along it."""
    keys = [name for name in kept if name not in array.dims and array[name].dims == (dim,)]
    listed = [name for name in over if name not in array.dims and array[name].dims == (dim,)]
    if dim in kept:
        raise ResultsError(f"{_listed([*keys, *listed])} goes along {dim}: only one of them can have a place here.")
    if dim not in over:
        _refuse_mixing(array, dim, keys, listed)
    if len(keys) == 1 and not listed and dim not in over and len(np.unique(array[keys[0]].values)) == array.sizes[dim]:
        return array.swap_dims({dim: keys[0]}), list(over)
    array = _spread_out(array, dim, keys) if keys else array
    return array, [*(name for name in over if name not in (dim, *listed)), dim]


def _spread_out(array: xarray.DataArray, dim: str, keys: Sequence[str]) -> xarray.DataArray:
    """Make dimensions of coordinates along ``dim``; what has equal labels is counted along ``dim``."""
    factors = [pd.factorize(array[key].values, use_na_sentinel=False) for key in keys]
    places = pd.DataFrame({key: codes for key, (codes, _) in zip(keys, factors, strict=True)})
    repeats = places.groupby(list(keys)).cumcount().to_numpy()
    rest = [name for name in array.dims if name != dim]
    shape = (
        *(len(labels) for _, labels in factors),
        int(repeats.max(initial=-1)) + 1,
        *(array.sizes[name] for name in rest),
    )
    values = np.full(shape, np.nan)
    values[(*(codes for codes, _ in factors), repeats)] = array.transpose(dim, *rest).values
    coords = {name: coord for name, coord in array.coords.items() if dim not in coord.dims}
    made = {key: (key, labels, array[key].attrs) for key, (_, labels) in zip(keys, factors, strict=True)}
    return xarray.DataArray(values, {**coords, **made}, (*keys, dim, *rest), array.name, array.attrs)


def _refuse_mixing(array: xarray.DataArray, dim: str, keys: Sequence[str], over: Sequence[str]) -> None:
    """Refuse to go over elements that differ in a key of the experiment that nobody named."""
    others = [
        str(name)
        for name, coord in array.coords.items()
        if coord.dims == (dim,) and "key" in coord.attrs and name not in (dim, *keys, *over)
    ]
    frame = pd.DataFrame(
        {name: pd.factorize(array[name].values, use_na_sentinel=False)[0] for name in [*keys, *others]}
    )
    groups: Any = frame.groupby(list(keys)) if keys else frame
    mixed = [name for name in others if np.any(groups[name].nunique() > 1)]
    if mixed:
        raise ResultsError(
            f"Runs that would share a place differ in {_listed(mixed)}: give it a place, name it in over, "
            f"or choose by where=... or .sel. Name {dim} in over to go over them all the same."
        )


def _refuse_rest(array: xarray.DataArray, named: Sequence[str]) -> None:
    rest = [f"{dim} ({size} long)" for dim, size in array.sizes.items() if dim not in named]
    if rest:
        raise ResultsError(
            f"{array.name} has no place here for {_listed(rest)}: go over it (over=...), choose from it (.sel, .isel), "
            "or take one value along steps (.xp.last(), .xp.best(...), .xp.at(...))."
        )


def _listed(names: Sequence[Any]) -> str:
    return ", ".join(map(str, names))
