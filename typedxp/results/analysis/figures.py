"""Owns figures: curves of means with bands, and saving a figure with what made it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from typedxp.errors import ResultsError
from typedxp.results.analysis.axes import lay_out, title_along, title_of
from typedxp.results.analysis.checks import as_names, check_numeric, show_label
from typedxp.results.analysis.choosing import is_step
from typedxp.results.analysis.libraries import needed_for
from typedxp.results.analysis.provenance import Provenance
from typedxp.results.analysis.statistics import IntervalKind, interval
from typedxp.results.analysis.strokes import Strokes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curve(  # noqa: PLR0913  # all but the first are given by name, and few at once
    array: xarray.DataArray,
    *,
    x: str | None = None,
    hue: str | None = None,
    style: str | None = None,
    over: str | Sequence[str] | None = None,
    band: IntervalKind | None = "ci",
    level: float = 0.95,
    ax: Axes | None = None,
    label: str | None = None,
) -> Axes:
    """Draw the mean over some dimensions along ``x``, with a band; return the axes it is drawn on.

    There is a colour for each label of ``hue``, and a dash for each label of ``style``. Names are those of dimensions,
    or of coordinates along one. Without ``x``, the curves go along the steps, or the only dimension that is left.
    ``band`` is the kind of the interval round the mean, None for no band; it has ``level`` if it is ``ci`` or
    ``bootstrap``. Where ``x`` has text for labels, there are points with error bars. A mean is that of the runs that
    are there: beyond the end of the shorter ones, that of fewer. Without ``ax``, it is drawn on pyplot's current axes.

    Raises:
        ResultsError: the array holds no numbers, a dimension has no place, a name is not known, or a library is not
            installed.
    """
    check_numeric(array)
    # The same name may give colour and dash.
    parts, gone = list(dict.fromkeys(name for name in (hue, style) if name is not None)), as_names(over or ())
    along = x if x is not None else _find_x(array, (*parts, *gone))
    laid, gone_dims = lay_out(array, (*parts, along), gone)
    curves = list(_split(_reduce(laid, gone_dims, band, level), parts))
    strokes = Strokes(ax if ax is not None else _current_axes(), _places(laid, along), len(curves))
    for labels, part in curves:
        text = ", ".join(filter(None, [label, *labels.values()]))
        strokes.draw(part, text, colour=labels.get(hue or ""), dash=labels.get(style or ""))
    titles = [title_along(laid, name) for name in parts]
    strokes.finish(title_along(laid, along), title_of(array), ", ".join(titles))
    return strokes.ax


def make_axes(width: float = 6.4, height: float = 4.2) -> Axes:
    """Make axes on a figure of their own, in inches, that pyplot and its windows know nothing of."""
    with needed_for("A figure"):
        from matplotlib.figure import Figure
    return Figure(figsize=(width, height), layout="constrained").subplots()


def save(axes: Axes, path: str | os.PathLike[str], provenance: Provenance, *, dpi: int = 200) -> None:
    """Write the figure of some axes as ``.png``, ``.pdf`` or ``.svg``, and into it what made it.

    ``typedxp trace`` reads that back.

    Raises:
        ResultsError: the file cannot be written, or is of another kind.
    """
    file, lines = Path(path).expanduser(), provenance.lines()
    # Dates are left out, so that a figure that is made again differs as little as can be.
    kinds: dict[str, dict[str, Any]] = {
        ".png": {"typedxp": lines},
        ".pdf": {"Keywords": lines, "CreationDate": None},
        ".svg": {"Description": f"\n{lines}", "Date": None},
    }
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ResultsError("These axes are in no figure any more.")
    if file.suffix.lower() not in kinds:
        raise ResultsError(f"{file} cannot say what made it: name a file that ends in {', '.join(kinds)}.")
    try:
        figure.savefig(file, metadata=kinds[file.suffix.lower()], bbox_inches="tight", dpi=dpi)
    except OSError as error:
        raise ResultsError(f"{file} cannot be written: {error.strerror or error}.") from error


def _find_x(array: xarray.DataArray, named: Sequence[str]) -> str:
    """Return the dimension along which curves go, where none was named."""
    taken = {dim for name in named for dim in (array[name].dims if name in array.coords else (name,))}
    left = [str(dim) for dim in array.dims if dim not in taken]
    steps = [dim for dim in left if is_step(array, dim)]
    long = [dim for dim in left if array.sizes[dim] > 1]
    for found in (steps, left, long):
        if len(found) == 1:
            return found[0]
    if left:
        raise ResultsError(f"Say which of {', '.join(left)} goes along x (x=...), and what to do with the others.")
    raise ResultsError(
        f"{array.name} has no dimension that could go along x: leave one of {', '.join(named) or 'them'}."
    )


def _reduce(array: xarray.DataArray, over: Sequence[str], band: IntervalKind | None, level: float) -> xarray.Dataset:
    """Return the mean and the bounds ``low`` and ``high`` of its band, which are missing where there is none."""
    numbers = (array if array.chunks else array.compute()).astype(float)
    mean = numbers.mean(over, skipna=True) if over else numbers
    nothing = xarray.full_like(mean, np.nan)
    low, high = interval(numbers, over, kind=band, level=level) if over and band else (nothing, nothing)
    return xarray.Dataset({"mean": mean, "low": low, "high": high}).compute()


def _split(reduced: xarray.Dataset, parts: Sequence[str]) -> Iterator[tuple[dict[str, str], xarray.Dataset]]:
    """Go through the curves that have a value: the labels of each, and its mean and bounds."""
    for places in product(*(range(reduced.sizes[name]) for name in parts)):
        part = reduced.isel(dict(zip(parts, places, strict=True)))
        if part["mean"].notnull().any():
            # A dimension without labels is counted.
            labels = {name: show_label(reduced[name].values[place]) for name, place in zip(parts, places, strict=True)}
            yield labels, part


def _places(array: xarray.DataArray, along: str) -> np.ndarray[Any, Any]:
    """Return where values are along x: numbers or times as they are, or labels as text."""
    values = array[along].to_numpy()
    return values if values.dtype.kind in "iufmM" else np.array([show_label(value) for value in values], object)


def _current_axes() -> Axes:
    with needed_for("A figure"):
        from matplotlib import pyplot as plt
    try:
        return plt.gca()
    except ImportError:
        # The backend that was asked for by MPLBACKEND needs a display.
        return make_axes()
