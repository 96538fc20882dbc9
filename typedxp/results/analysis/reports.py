"""Owns tables and figures that are asked for in words, as on the command line; keys that nobody named find a place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pandas as pd
import xarray

from typedxp.errors import ResultsError, nearest
from typedxp.results.analysis import choosing
from typedxp.results.analysis.checks import check_variable
from typedxp.results.analysis.coverage import MISSING, warn_of_versions
from typedxp.results.analysis.figures import curve, make_axes, save
from typedxp.results.analysis.provenance import Provenance, origin
from typedxp.results.analysis.statistics import IntervalKind
from typedxp.results.analysis.tables import Best, Spread, Table, make_table
from typedxp.results.names import STATUS
from typedxp.vocabulary.records import RunStatus

_STEPS = ("last", "best-min", "best-max")
_FACTS = ("wall", "peak_memory", "attempt")
_UNKNOWN = "unknown"


def find_values(dataset: xarray.Dataset, name: str) -> xarray.DataArray:
    """Return a metric, or a number that is known of each run, as ``wall``; it tells where it comes from.

    Raises:
        ResultsError: there is none of that name.
    """
    facts = dataset.reset_coords([fact for fact in _FACTS if fact in dataset.coords and fact not in dataset.dims])
    return facts[check_variable(facts, name)].assign_attrs(origin(dataset))


def choose_step(values: xarray.DataArray, step: str) -> xarray.DataArray:
    """Take one value of each run: its ``last``, its best (``best-min``, ``best-max``), or the one at a step.

    Raises:
        ResultsError: the word is not known, or there is no such step.
    """
    if not choosing.step_dimensions(values):
        return values
    if step == "last":
        return choosing.last(values)
    if step in _STEPS:
        return choosing.best(values, "min" if step == "best-min" else "max", values)
    try:
        return choosing.at(values, float(step) if not step.lstrip("+-").isdigit() else int(step))
    except ValueError as error:
        raise ResultsError(f"No step is called {step!r}. {nearest(step, _STEPS)} Or give its number.") from error


def count_gaps(values: xarray.DataArray, over: Sequence[str]) -> dict[str, int]:
    """Count the points that have no completed run, by status, among those that are averaged with a point that has one.

    Returns:
        Such as ``{"failed": 1, "missing": 2}``.
    """
    status = values.coords.get(STATUS)
    if status is None:
        return {}
    shown = (status != MISSING).any([dim for dim in over if dim in status.dims])
    counts = Counter(map(str, status.where(shown, _UNKNOWN).values.ravel()))
    # Other tools do not write down how a run ended.
    return {name: count for name, count in sorted(counts.items()) if name not in {RunStatus.COMPLETED, _UNKNOWN}}


def tabulate(
    values: xarray.DataArray,
    rows: Sequence[str],
    columns: Sequence[str],
    over: Sequence[str],
    *,
    spread: Spread,
    best: Best | None,
    digits: int | None,
) -> Table:
    """Make a table of one value per run; without ``rows``, these are the keys that have no other place.

    Raises:
        ResultsError: a name is not known, or a key has no place.
    """
    named = (*rows, *columns, *over)
    _check_names(values, named)
    left = _left(values, named)
    if rows:
        _refuse(values, left)
    found = rows or left
    warn_of_versions(values, over)
    made = make_table(values, found, columns, over, spread=spread, best=best, digits=digits)
    return _without_empty_rows(made) if len(found) > 1 else made


def _without_empty_rows(table: Table) -> Table:
    """Leave out the combinations of keys that no run has."""
    filled = table.count.gt(0).any(axis="columns")
    return replace(table, mean=table.mean[filled], spread=table.spread[filled], count=table.count[filled])


@dataclass(frozen=True)
class Look:
    """How curves are drawn: what goes along x and gives colour and dash, what is averaged, the band and the scales.

    ``step`` is what counts of each run, if curves do not go along steps; see :func:`choose_step`.
    """

    x: str | None = None
    hue: str | None = None
    style: str | None = None
    over: tuple[str, ...] = ()
    step: str | None = None
    band: IntervalKind | Literal["none"] = "ci"
    logx: bool = False
    logy: bool = False


def draw(values: xarray.DataArray, look: Look, suffix: str) -> bytes:
    """Draw curves, and return the file of that ``suffix``; a key without a place gives the colour, the next the dash.

    Raises:
        ResultsError: a name is not known, a key has no place, or there are no such files.
    """
    ax = make_axes()
    # Before anything is drawn, since that depends on the scales.
    ax.set_xscale("log" if look.logx else "linear")
    ax.set_yscale("log" if look.logy else "linear")
    if look.step is not None or look.x not in {None, *choosing.step_dimensions(values)}:
        values = choose_step(values, look.step or "last")
    hue, style = _places(values, look)
    band = None if look.band == "none" else look.band
    warn_of_versions(values, look.over)
    curve(values, x=look.x, hue=hue, style=style, over=look.over, band=band, ax=ax)
    with TemporaryDirectory() as directory:
        file = Path(directory, f"figure{suffix}")
        save(ax, file, Provenance.of(values))
        return file.read_bytes()


def _places(values: xarray.DataArray, look: Look) -> tuple[str | None, str | None]:
    named = [name for name in (look.x, look.hue, look.style, *look.over) if name]
    _check_names(values, named)
    left = _left(values, named)
    if look.x is None and not choosing.step_dimensions(values) and left:
        # There is nothing but keys for curves to go along.
        left = left[1:]
    hue = look.hue or (left.pop(0) if left else None)
    style = look.style or (left.pop(0) if left else None)
    _refuse(values, left)
    return hue, style


def _refuse(values: xarray.DataArray, left: Sequence[str]) -> None:
    if left:
        raise ResultsError(
            f"{values.name} varies along {', '.join(left)}, too: "
            f"average by --over {','.join(left)}, or choose by --where."
        )


def _check_names(values: xarray.DataArray, names: Sequence[str]) -> None:
    known = {str(name) for name in (*values.dims, *values.coords)}
    for name in names:
        if name not in known:
            raise ResultsError(f"{values.name} has no dimension {name!r}. {nearest(name, known)}")


def _left(values: xarray.DataArray, named: Sequence[str]) -> list[str]:
    """Return the keys in which the runs differ, and that nobody named."""
    keys = [str(name) for name, coord in values.coords.items() if "key" in coord.attrs]
    free = [name for name in keys if name not in named and not choosing.is_step(values, name)]
    return [name for name in free if len(pd.unique(values[name].values.ravel())) > 1]
