"""Owns means, their spread, and intervals round them, over some dimensions of labelled arrays.

Missing values (NaN) are skipped, each statistic being that of the values that are there. Nothing is computed of arrays
that are lazy by dask until the result is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import xarray

from typedxp.errors import ResultsError
from typedxp.results.analysis.checks import Labelled, check_dimensions, check_word
from typedxp.results.analysis.libraries import needed_for

IntervalKind = Literal["std", "sem", "ci", "bootstrap"]
Floats = np.ndarray[Any, np.dtype[np.float64]]

_BLOCK = 4_000_000
"""How many resampled means are held at once: 32 MB of them."""


def count(data: Labelled, over: str | Iterable[str]) -> Labelled:
    """Count the values that are not missing over some dimensions."""
    return data.count(check_dimensions(data, over), keep_attrs=True)


def mean(data: Labelled, over: str | Iterable[str]) -> Labelled:
    """Average over some dimensions; NaN where every value is missing.

    Raises:
        ResultsError: one of the dimensions is not there.
    """
    return data.mean(check_dimensions(data, over), skipna=True, keep_attrs=True)


def std(data: Labelled, over: str | Iterable[str]) -> Labelled:
    """Return the standard deviation of a sample (divided by n - 1); NaN for fewer than two values.

    It is NaN as well where the mean is not finite.

    Raises:
        ResultsError: one of the dimensions is not there.
    """
    dims = check_dimensions(data, over)
    centre = mean(data, dims)
    # Where the mean is infinite there is no deviation from it, and nothing to warn of.
    finite = centre.where(np.isfinite(centre))
    squares = ((data - finite) ** 2).sum(dims, skipna=True)
    degrees = count(data, dims) - 1
    deviation = (squares / degrees.where(degrees > 0)) ** 0.5
    return _described_as(deviation.where(np.isfinite(centre)), data)


def sem(data: Labelled, over: str | Iterable[str]) -> Labelled:
    """Return the standard error of the mean: the standard deviation of a sample, divided by the root of n.

    Raises:
        ResultsError: one of the dimensions is not there.
    """
    number = count(data, over)
    return _described_as(std(data, over) / number.where(number > 0) ** 0.5, data)


def interval(
    array: xarray.DataArray,
    over: str | Sequence[str],
    *,
    kind: IntervalKind = "ci",
    level: float = 0.95,
    resamples: int = 9999,
    rng: int | None = 0,
) -> tuple[xarray.DataArray, xarray.DataArray]:
    """Return the lower and the upper bound of an interval round the mean over some dimensions.

    ``std`` and ``sem`` are the mean plus and minus one of them. ``ci`` is Student's interval, which holds the mean of
    normal values in the share ``level`` of all samples: mean plus and minus ``t((1 + level) / 2, n - 1) * sem``.
    ``bootstrap`` resamples the values ``resamples`` times and takes the percentiles of the means (Efron and Tibshirani,
    "An Introduction to the Bootstrap", 1993, chapter 13); what shares its missing values, such as the steps of a curve,
    is resampled together. ``rng`` is the seed of that, None meaning another one each time. An interval of fewer than
    two values is NaN.

    Raises:
        ResultsError: a dimension is not there, a word or a number cannot be used, or scipy is not installed.
    """
    dims = check_dimensions(array, over)
    check_word(kind, ("std", "sem", "ci", "bootstrap"), "The kind of an interval")
    if not 0 < level < 1:
        raise ResultsError(f"The level of an interval is between 0 and 1, as 0.95 is: not {level}.")
    if kind == "bootstrap":
        return _bootstrap(array, dims, level, resamples, rng)
    centre = mean(array, dims)
    width = std(array, dims) if kind == "std" else sem(array, dims)
    if kind == "ci":
        width = width * _quantile_of_t(array, dims, level)
    return _described_as(centre - width, array), _described_as(centre + width, array)


def bootstrap_means(values: Floats, level: float, resamples: int, rng: int | None) -> Floats:
    """Return the bounds of percentile intervals of the mean of each column of ``values`` (samples, columns).

    The result has the shape (2, columns). Columns with the same missing values are resampled together.
    """
    bounds = np.full((2, values.shape[1]), math.nan)
    generator = np.random.default_rng(rng)
    patterns, members = np.unique(~np.isnan(values), axis=1, return_inverse=True)
    for place, present in enumerate(patterns.T):
        number = int(present.sum())
        if number < 2:
            continue
        [columns] = np.nonzero(members.ravel() == place)
        # How often each value is drawn in each resample: a mean is then a product of matrices.
        drawn = generator.multinomial(number, np.full(number, 1 / number), size=resamples) / number
        for block in np.array_split(columns, math.ceil(len(columns) * resamples / _BLOCK)):
            bounds[:, block] = _percentiles(drawn @ values[np.ix_(present, block)], level)
    return bounds


def _percentiles(means: Floats, level: float) -> Floats:
    tail = (1 - level) / 2
    return np.asarray(np.quantile(means, (tail, 1 - tail), axis=0, overwrite_input=True))


def _bootstrap(
    array: xarray.DataArray, dims: tuple[str, ...], level: float, resamples: int, rng: int | None
) -> tuple[xarray.DataArray, xarray.DataArray]:
    if resamples < 1:
        raise ResultsError(f"A bootstrap takes at least one resample: not {resamples}.")

    def bounds(values: Floats) -> Floats:
        rest = values.shape[: values.ndim - len(dims)]
        columns = values.reshape(math.prod(rest), -1).T.astype(np.float64)
        return bootstrap_means(columns, level, resamples, rng).T.reshape(*rest, 2)

    both = xarray.apply_ufunc(
        bounds,
        array,
        input_core_dims=[dims],
        output_core_dims=[["bound"]],
        dask="parallelized",
        output_dtypes=[np.float64],
        dask_gufunc_kwargs={"output_sizes": {"bound": 2}, "allow_rechunk": True},
    )
    low, high = both.isel(bound=0), both.isel(bound=1)
    return _described_as(low, array), _described_as(high, array)


def _quantile_of_t(array: xarray.DataArray, dims: tuple[str, ...], level: float) -> xarray.DataArray:
    with needed_for("Student's interval"):
        from scipy import stats

    degrees = count(array, dims) - 1
    quantile: xarray.DataArray = xarray.apply_ufunc(
        lambda degrees: stats.t.ppf((1 + level) / 2, degrees),
        degrees.where(degrees > 0),
        dask="parallelized",
        output_dtypes=[np.float64],
    )
    return quantile


def _described_as(result: Labelled, data: Labelled) -> Labelled:
    """Give a result the name and the attributes of what it was computed from."""
    if isinstance(result, xarray.DataArray) and isinstance(data, xarray.DataArray):
        return result.rename(data.name).assign_attrs(data.attrs)
    result = result.assign_attrs(data.attrs)
    for name in result.data_vars:
        result[name].attrs.update(data[name].attrs)
    return result
