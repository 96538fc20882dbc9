"""Owns what a curve looks like: lines with bands, points with error bars, colours, dashes, titles and a legend."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray

from typedxp.results.analysis.styles import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = np.ndarray[Any, np.dtype[np.float64]]

_DASHES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (3, 5)))
_MARKERS = "os^Dvp"
# More colours than matplotlib's cycle has are taken from a colour map.
_MOST_CYCLED = 10
_MOST_MARKED = 12
_MOST_IN_COLUMN = 16


class Strokes:
    """Draws ``number`` curves on axes, all along the same places: numbers, times, or text."""

    def __init__(self, ax: Axes, places: np.ndarray[Any, Any], number: int) -> None:
        self.ax = ax
        self.places = places
        self.number = number
        self._named = places.dtype == object
        self._colours: dict[str | None, Any] = {}
        self._dashes: dict[str | None, int] = {}
        self._drawn = 0

    def draw(self, part: xarray.Dataset, label: str, *, colour: str | None, dash: str | None) -> None:
        """Draw one curve: ``mean``, and the bounds ``low`` and ``high``. Equal words have equal colours and dashes."""
        mean, low, high = (part[name].to_numpy() for name in ("mean", "low", "high"))
        # A label of nothing but spaces is still one.
        text = _harmless(_cut(label)) or (None if colour is None and dash is None else '""')
        look: dict[str, Any] = {"label": text}
        if colour in self._colours or self.number > _MOST_CYCLED:
            look["color"] = self._colours.get(colour) or self._mapped()
        number = self._dashes.setdefault(dash, len(self._dashes))
        draw = self._draw_points if self._named else self._draw_line
        drawn = draw(mean, low, high, number, look)
        if colour is not None:
            self._colours[colour] = drawn
        self._drawn += 1

    def finish(self, x: str, y: str, legend: str) -> None:
        """Write the titles of the axes, and a legend under its title if curves are labelled."""
        from matplotlib.ticker import MaxNLocator

        self.ax.set_xlabel(_harmless(x))
        self.ax.set_ylabel(_harmless(y, 50))
        if self._named:
            self.ax.set_xticks(range(len(self.places)), [_harmless(_cut(text), 20) for text in self.places])
            self.ax.set_xlim(-0.5, len(self.places) - 0.5)
        elif self.places.dtype.kind in "iu" and self.ax.get_xscale() == "linear":
            self.ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        self._explain(legend)

    def _explain(self, title: str) -> None:
        labelled = len(self.ax.get_legend_handles_labels()[1])
        if not labelled:
            return
        # A long one would hide the curves: it goes beside them.
        beside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)} if labelled > 5 else {}
        columns = 1 + (labelled - 1) // _MOST_IN_COLUMN
        self.ax.legend(title=_harmless(title, 30) or None, ncols=columns, edgecolor="none", **beside)

    def _draw_line(self, mean: Floats, low: Floats, high: Floats, number: int, look: dict[str, Any]) -> Any:
        order = np.argsort(self.places, kind="stable")
        # What is not logged at each step is joined where it is.
        order = order[np.isfinite(mean[order]) & pd.notna(self.places[order])]
        marker = "." if len(order) <= _MOST_MARKED else None
        dash = _DASHES[number % len(_DASHES)]
        [line] = self.ax.plot(self.places[order], mean[order], linestyle=dash, marker=marker, **look)
        colour = line.get_color()
        if np.isfinite(low).any():
            self.ax.fill_between(self.places[order], low[order], high[order], color=colour, alpha=0.2, linewidth=0)
        return colour

    def _draw_points(self, mean: Floats, low: Floats, high: Floats, number: int, look: dict[str, Any]) -> Any:
        # Side by side, since they would hide each other.
        shift = (self._drawn - (self.number - 1) / 2) * min(0.15, 0.6 / self.number)
        spread = np.maximum([mean - low, high - mean], 0)
        marker = _MARKERS[number % len(_MARKERS)]
        points = np.arange(len(mean)) + shift
        return self.ax.errorbar(points, mean, spread, fmt=marker, capsize=3, **look).lines[0].get_color()

    def _mapped(self) -> Any:
        from matplotlib import colormaps

        # The end of the map is too bright for lines on white.
        return colormaps["viridis"](0.95 * self._drawn / max(self.number - 1, 1))


def _cut(text: str) -> str:
    """Keep a label from taking the place of the curves."""
    return text if len(text) <= 40 else f"{text[:39]}\N{HORIZONTAL ELLIPSIS}"


def _harmless(text: str, width: int = 60) -> str:
    """Make a text that matplotlib shows as it is: no mathematics, and no underscore that would hide it."""
    text = textwrap.fill(one_line(text), width).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
