"""Owns choosing one value of many: the last one of a run, the one at a step, the best one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray

from typedxp.errors import ResultsError
from typedxp.results.analysis.checks import Data, Labelled, check_dimensions, check_numeric, check_word, show_label

Mode = Literal["min", "max"]
Array = np.ndarray[Any, Any]


def step_dimensions(data: Data) -> tuple[str, ...]:
    """Name the dimensions along which streams have their records."""
    return tuple(name for dim in data.dims if is_step(data, name := str(dim)))


def is_step(data: Data, name: str) -> bool:
    """Tell whether a dimension or coordinate counts the records of a stream."""
    # A swept key can be called like that, too: it is then the end of what it is called in full.
    key = data.coords[name].attrs.get("key", "") if name in data.coords else ""
    return name.endswith(".step") and not f".{key}".endswith(f".{name}")


def last(data: Labelled, dim: str | None = None) -> Labelled:
    """Take the last value that is not missing along ``dim``, or along every dimension of steps.

    Each run and each variable has a last value of its own, since they may have logged differently often. It is NaN
    where nothing was logged.

    Raises:
        ResultsError: there is no such dimension.
    """
    dims = check_dimensions(data, dim) if dim is not None else step_dimensions(data)
    if isinstance(data, xarray.DataArray):
        for name in dims:
            data = _last(data, name)
        return data
    for name in dims:
        found = {key: _last(data[key], name) for key in data.data_vars if name in data[key].dims}
        data = data.assign(found).drop_dims(name, errors="ignore")
    return data


def at(
    data: Labelled, step: Any, dim: str | None = None, method: Literal["nearest", "pad", "backfill"] | None = None
) -> Labelled:
    """Take the values at a step along ``dim``, or along every dimension of steps.

    ``step`` is a label where the dimension has labels, and a place counted from 0 (or from the end, if negative) where
    it has none. ``method`` as in :meth:`xarray.Dataset.sel`: which label to take instead of one that is not there.

    Raises:
        ResultsError: there is no such dimension or no such step.
    """
    dims = check_dimensions(data, dim) if dim is not None else step_dimensions(data)
    for name in dims:
        try:
            data = data.sel({name: step}, method=method if name in data.indexes else None)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ResultsError(f"{name} has no step {step!r}. {_describe_steps(data, name)}") from error
    return data


def best(data: Labelled, mode: Mode, of: xarray.DataArray, by: str | Iterable[str] | None = None) -> Labelled:
    """Take what is at the place where ``of`` is smallest (``min``) or largest (``max``) along the dimensions ``by``.

    By default that is the best step of each run. All that has these dimensions is taken at that place, coordinates
    too, so that they tell where it was found: the step, or the labels, and the run. Of equal values the first counts.
    Where every value of ``of`` is missing, the result is missing.

    Raises:
        ResultsError: a dimension or the word for the mode is wrong, or ``of`` holds no numbers, or nothing at all.
    """
    check_word(mode, ("min", "max"), "What is best")
    check_numeric(of)
    dims = check_dimensions(data, check_dimensions(of, by if by is not None else _only_steps(of)))
    for dim in dims:
        if not of.sizes[dim]:
            raise ResultsError(f"{of.name} has nothing along {dim} to choose from.")
    try:
        xarray.align(data, of, join="exact")
    except ValueError as error:
        raise ResultsError(f"{of.name} is not labelled as what is to be chosen: {error}") from error
    places, found = find_best(of, mode, dims)
    labelled = data.assign_coords({dim: np.arange(data.sizes[dim]) for dim in dims if dim not in data.coords})
    chosen = labelled.isel(places)
    if bool(found.all()):
        return chosen
    chosen = chosen.assign_coords({dim: chosen.coords[dim].where(found) for dim in dims})
    if isinstance(data, xarray.DataArray):
        return chosen.where(found)
    taken = [name for name, array in data.data_vars.items() if not set(dims).isdisjoint(array.dims)]
    return chosen.assign({name: chosen[name].where(found) for name in taken})


def find_best(
    of: xarray.DataArray, mode: Mode, dims: tuple[str, ...]
) -> tuple[Mapping[str, xarray.DataArray], xarray.DataArray]:
    """Return the place of the best value along each of the dimensions, and whether there is any value at all."""
    # Without coordinates, since those along `dims` would not fit the result.
    bare = of.drop_vars(list(of.coords))
    place = xarray.apply_ufunc(
        lambda values: _best_place(values.reshape(*values.shape[: -len(dims)], -1), mode),
        bare,
        input_core_dims=[dims],
        dask="parallelized",
        output_dtypes=[np.int64],
        dask_gufunc_kwargs={"allow_rechunk": True},
    ).compute()
    found = place >= 0
    split = np.unravel_index(place.clip(0).values, [of.sizes[dim] for dim in dims])
    return {dim: place.copy(data=part) for dim, part in zip(dims, split, strict=True)}, found


def _best_place(values: Array, mode: Mode) -> Array:
    """Return the place of the best value along the last axis, -1 where all are missing."""
    missing = np.isnan(values)
    if not values.shape[-1]:
        return np.full(values.shape[:-1], -1)
    worst = np.inf if mode == "min" else -np.inf
    filled = np.where(missing, worst, values)
    places = filled.argmin(-1) if mode == "min" else filled.argmax(-1)
    # Values that are infinite the wrong way are no better than missing ones, yet they are there.
    places = np.where(_take(missing, places), missing.argmin(-1), places)
    return np.where(_take(missing, places), -1, places)


def _take(values: Array, places: Array) -> Array:
    return np.take_along_axis(values, places[..., None], -1)[..., 0]


def _last(array: xarray.DataArray, dim: str) -> xarray.DataArray:
    taken: xarray.DataArray = xarray.apply_ufunc(
        _last_present,
        array,
        input_core_dims=[[dim]],
        keep_attrs=True,
        dask="parallelized",
        output_dtypes=[array.dtype],
        dask_gufunc_kwargs={"allow_rechunk": True},
    )
    return taken


def _last_present(values: Array) -> Array:
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    present = ~np.asarray(pd.isnull(values))
    return _take(values, values.shape[-1] - 1 - present[..., ::-1].argmax(-1))


def _only_steps(of: xarray.DataArray) -> tuple[str, ...]:
    steps = step_dimensions(of)
    if not steps:
        raise ResultsError(f"{of.name} has no dimension of steps: say by which dimension to choose, as in by='lr'.")
    return steps


def _describe_steps(data: Data, dim: str) -> str:
    if dim not in data.indexes:
        return f"It has {data.sizes[dim]} steps, counted from 0."
    labels = data.indexes[dim]
    if not len(labels):
        return "It has none."
    return f"It has {len(labels)}, from {show_label(labels[0])} to {show_label(labels[-1])}: see method='nearest'."
