"""Owns what can be asked of a dataset or an array of results, beyond what xarray has: the accessor ``.xp`` of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal

import numpy as np
import pandas as pd
import xarray

from typedxp.results.analysis import choosing, comparison, coverage, runs, statistics
from typedxp.results.analysis.checks import (
    Labelled,
    as_names,
    check_dimensions,
    check_numeric,
    check_variable,
    check_word,
)
from typedxp.results.analysis.choosing import Mode
from typedxp.results.analysis.comparison import Test
from typedxp.results.analysis.figures import curve, save
from typedxp.results.analysis.provenance import Provenance, describe, origin
from typedxp.results.analysis.tables import Best, Spread, Table, make_table
from typedxp.results.runs.recorded import RecordedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Over = str | Iterable[str]
Method = Literal["nearest", "pad", "backfill"]
Interval = Literal["t", "bootstrap"]

_INTERVALS: dict[str, statistics.IntervalKind] = {"t": "ci", "bootstrap": "bootstrap"}


class _Accessor(Generic[Labelled]):
    """What datasets and arrays have in common."""

    def __init__(self, data: Labelled) -> None:
        self._data: Labelled = data

    def last(self, dim: str | None = None) -> Labelled:
        """Take the last value that each run logged; see :func:`~typedxp.results.analysis.choosing.last`."""
        return choosing.last(self._data, dim)

    def at(self, step: Any, dim: str | None = None, method: Method | None = None) -> Labelled:
        """Take the values at a step; see :func:`~typedxp.results.analysis.choosing.at`."""
        return choosing.at(self._data, step, dim, method)

    def mean(self, over: Over, *, complete: bool = False) -> Labelled:
        """Average over some dimensions, skipping what is missing, or refusing it if the result is to be ``complete``.

        The attributes ``runs`` and ``versions`` say what is in the result. Runs of different versions of the code are
        averaged with a warning.

        Raises:
            ResultsError: a dimension is not there; or it is to be complete, and points have no completed run.
        """
        return self._reduce(statistics.mean, over, complete)

    def std(self, over: Over, *, complete: bool = False) -> Labelled:
        """Return the standard deviation of a sample, divided by n - 1; otherwise as :meth:`mean`."""
        return self._reduce(statistics.std, over, complete)

    def sem(self, over: Over, *, complete: bool = False) -> Labelled:
        """Return the standard error of the mean; otherwise as :meth:`mean`."""
        return self._reduce(statistics.sem, over, complete)

    def ci(
        self,
        over: Over,
        kind: Interval = "t",
        level: float = 0.95,
        *,
        resamples: int = 9999,
        rng: int | None = 0,
        complete: bool = False,
    ) -> Labelled:
        """Return an interval round the mean along a new dimension ``bound``, whose labels are ``low`` and ``high``.

        ``kind`` is Student's interval or the percentiles of a bootstrap: see
        :func:`~typedxp.results.analysis.statistics.interval`. Otherwise as :meth:`mean`.
        """
        chosen = _INTERVALS[check_word(kind, _INTERVALS, "The kind of an interval")]

        def bounds(data: Labelled, dims: tuple[str, ...]) -> Labelled:
            return _bounds(data, dims, kind=chosen, level=level, resamples=resamples, rng=rng)

        return self._reduce(bounds, over, complete)

    def coverage(self, over: Over) -> xarray.Dataset:
        """Count for each cell of a reduction the runs that completed, that are there, and that there should be.

        See :func:`~typedxp.results.analysis.coverage.coverage`.
        """
        return coverage.coverage(self._data, over)

    def diff(self) -> pd.DataFrame:
        """Return a table of the keys that vary; see :func:`~typedxp.results.analysis.runs.tabulate_keys`."""
        return runs.tabulate_keys(self._data)

    @property
    def runs(self) -> pd.DataFrame:
        """A table of the runs that are there; see :func:`~typedxp.results.analysis.runs.tabulate_runs`."""
        return runs.tabulate_runs(self._data)

    @property
    def run(self) -> RecordedRun:
        """The one run behind a selection; see :func:`~typedxp.results.analysis.runs.find_run`."""
        return runs.find_run(self._data)

    def _reduce(
        self, function: Callable[[Labelled, tuple[str, ...]], Labelled], over: Over, complete: bool
    ) -> Labelled:
        data = _numbers(self._data)
        dims = check_dimensions(self._data, over)
        if complete:
            coverage.check_complete(data, dims)
        coverage.warn_of_what_is_averaged(data, dims)
        return function(data, dims).assign_attrs(describe(self._data))


class ArrayPlots:
    """The figures of an array."""

    def __init__(self, array: xarray.DataArray) -> None:
        self._array = array

    def curve(
        self,
        *,
        x: str | None = None,
        hue: str | None = None,
        over: Over = (),
        band: statistics.IntervalKind | None = "ci",
        ax: Axes | None = None,
        **options: Any,
    ) -> Axes:
        """Draw the mean along ``x`` with a band; see :func:`~typedxp.results.analysis.figures.curve`."""
        coverage.warn_of_what_is_averaged(self._array, over)
        return curve(self._array, x=x, hue=hue, over=as_names(over), band=band, ax=ax, **options)

    def save(self, axes: Axes, path: str | os.PathLike[str], *, dpi: int = 200) -> None:
        """Write the figure of some axes, with the runs of this array; see :func:`~.figures.save`."""
        save(axes, path, Provenance.of(self._array), dpi=dpi)


class DatasetPlots:
    """The figures of a dataset."""

    def __init__(self, dataset: xarray.Dataset) -> None:
        self._dataset = dataset

    def curve(self, value: str | None = None, **options: Any) -> Axes:
        """Draw the variable ``value``, which may be left out if there is only one; see :meth:`ArrayPlots.curve`."""
        return ArrayPlots(_variable(self._dataset, value, "value")).curve(**options)

    def save(self, axes: Axes, path: str | os.PathLike[str], *, dpi: int = 200) -> None:
        """Write the figure of some axes, with the runs of this dataset; see :func:`~.figures.save`."""
        save(axes, path, Provenance.of(self._dataset), dpi=dpi)


class ArrayAccessor(_Accessor[xarray.DataArray]):
    """The accessor of an array: one metric of the runs."""

    @property
    def plot(self) -> ArrayPlots:
        """The figures of the array: ``.plot.curve(hue="lr", over="seed")``."""
        return ArrayPlots(self._data)

    def best(self, mode: Mode, of: xarray.DataArray | None = None, by: Over | None = None) -> xarray.DataArray:
        """Take the values where they, or those of another array, are best; by default at one step of each run.

        See :func:`~typedxp.results.analysis.choosing.best`.
        """
        chosen = choosing.best(self._data, mode, self._data if of is None else of, by)
        return chosen.assign_attrs(describe(chosen))

    def compare(self, along: str, over: Over, *, paired: bool = True, test: Test = "t") -> pd.DataFrame:
        """Compare every two labels along a dimension; see :func:`~typedxp.results.analysis.comparison.compare`."""
        frame = comparison.compare(self._data, along, over, paired=paired, test=test)
        coverage.warn_of_what_is_averaged(self._data, over)
        return frame

    def table(
        self,
        rows: Over,
        columns: Over = (),
        over: Over = (),
        *,
        spread: Spread = "std",
        best: Best | None = None,
        digits: int | None = None,
    ) -> Table:
        """Make a table of means and their spread; see :func:`~typedxp.results.analysis.tables.make_table`."""
        placed = [as_names(names) for names in (rows, columns, over)]
        made = make_table(self._data, *placed, spread=spread, best=best, digits=digits)
        coverage.warn_of_what_is_averaged(self._data, over)
        return made


class DatasetAccessor(_Accessor[xarray.Dataset]):
    """The accessor of a dataset: all metrics of the runs."""

    @property
    def plot(self) -> DatasetPlots:
        """The figures of the dataset: ``.plot.curve("train.loss", hue="lr", over="seed")``."""
        return DatasetPlots(self._data)

    def best(self, mode: Mode, of: str | None = None, by: Over | None = None) -> xarray.Dataset:
        """Take everything where the variable ``of`` is best; by default at one step of each run.

        See :func:`~typedxp.results.analysis.choosing.best`. ``of`` may be left out if there is one variable.
        """
        chosen = choosing.best(self._data, mode, self._data[check_variable(self._data, of)], by)
        return chosen.assign_attrs(describe(chosen))

    def compare(
        self, along: str, over: Over, of: str | None = None, *, paired: bool = True, test: Test = "t"
    ) -> pd.DataFrame:
        """Compare every two labels along a dimension by the variable ``of``, if there are several variables.

        See :func:`~typedxp.results.analysis.comparison.compare`.
        """
        return ArrayAccessor(_variable(self._data, of, "of")).compare(along, over, paired=paired, test=test)

    def table(self, rows: Over, columns: Over = (), value: str | None = None, over: Over = (), **options: Any) -> Table:
        """Make a table of the means of the variable ``value``, and their spread; see :meth:`ArrayAccessor.table`."""
        return ArrayAccessor(_variable(self._data, value, "value")).table(rows, columns, over, **options)


def _numbers(data: Labelled) -> Labelled:
    """Leave out the variables of a dataset that are not numbers, as xarray does; refuse an array that is none."""
    if isinstance(data, xarray.DataArray):
        check_numeric(data)
        return data
    return data.drop_vars([name for name, array in data.data_vars.items() if array.dtype.kind not in "biuf"])


def _variable(dataset: xarray.Dataset, name: str | None, wanted: str) -> xarray.DataArray:
    """Return a variable that tells where it comes from, as the dataset does."""
    return dataset[check_variable(dataset, name, wanted)].assign_attrs(origin(dataset))


def _bounds(data: Labelled, dims: tuple[str, ...], **options: Any) -> Labelled:
    if isinstance(data, xarray.DataArray):
        low_and_high = statistics.interval(data, dims, **options)
        joined = xarray.concat(
            low_and_high, xarray.Variable("bound", np.array(["low", "high"])), coords="minimal", compat="override"
        )
        return joined.transpose(..., "bound")
    found = {
        name: _bounds(array, along, **options)
        for name, array in data.data_vars.items()
        if (along := tuple(dim for dim in dims if dim in array.dims))
    }
    return xarray.Dataset(found, attrs=data.attrs)
