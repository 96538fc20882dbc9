"""Owns tables of means and their spread: making them, and spelling them as text, Markdown, HTML, LaTeX and CSV."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray

from typedxp.errors import ResultsError
from typedxp.results.analysis.axes import lay_out, title_along, title_of
from typedxp.results.analysis.checks import as_names, check_numeric, check_word, show_label
from typedxp.results.analysis.libraries import needed_for
from typedxp.results.analysis.provenance import Provenance
from typedxp.results.analysis.rounding import Rounded, round_pair
from typedxp.results.analysis.statistics import interval
from typedxp.results.analysis.styles import HTML, LATEX, MARKDOWN, TEXT, Style, one_line

Spread = Literal["std", "sem", "ci"]
Best = Literal["min", "max"]
PathLike = str | os.PathLike[str]

_SPREADS: dict[Spread, str] = {"std": "std", "sem": "standard error", "ci": "95% confidence"}
# The level of an index that stands for no dimension.
_VALUE = "value"


@dataclass(frozen=True, repr=False)
class Table:
    """Means and their spread, by rows and columns; a notebook shows it as HTML.

    ``mean``, ``spread`` and ``count`` are frames of numbers with the same rows and columns, ``spread`` being NaN where
    fewer than two values are there. ``caption`` says what is shown, ``titles`` what the levels of the index and of the
    columns are called. Numbers are rounded only where they are shown, as ``rounding.round_pair`` says. ``best`` marks
    the best mean of each column.
    """

    mean: pd.DataFrame
    spread: pd.DataFrame
    count: pd.DataFrame
    kind: Spread
    caption: str
    titles: Mapping[str, str]
    provenance: Provenance
    best: Best | None = None
    digits: int | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """The numbers as a list: a row for each cell, with the columns ``mean``, the kind of the spread, and ``n``."""
        labels = [(*_levels(row), *_levels(column)) for row, column in product(self.mean.index, self.mean.columns)]
        index = pd.MultiIndex.from_tuples(labels, names=[*self.mean.index.names, *self.mean.columns.names])
        numbers = {"mean": self.mean, self.kind: self.spread, "n": self.count}
        return pd.DataFrame({name: frame.to_numpy().ravel() for name, frame in numbers.items()}, index=index)

    def __str__(self) -> str:
        return f"{self.caption}\n{self._show(TEXT).to_string()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_markdown(self, path: PathLike | None = None) -> str:
        """Return the table as Markdown, and write it to a file if one is named."""
        shown = self._show(MARKDOWN)
        heads, columns = shown.index.names, [_headline(label, shown.columns.names) for label in shown.columns]
        lines: list[Sequence[Any]] = [
            [*heads, *columns],
            [*(":---" for _ in heads), *("---:" for _ in columns)],
            *((*_levels(row), *cells) for row, cells in zip(shown.index, shown.to_numpy(), strict=True)),
        ]
        rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return _written(f"{self.provenance.html_comment()}\n{MARKDOWN.label(self.caption)}\n\n{rows}\n", path)

    def to_html(self, path: PathLike | None = None) -> str:
        """Return the table as HTML, and write it to a file if one is named."""
        # Shortening what is long could cut through what was escaped.
        with pd.option_context("display.max_colwidth", None):
            body = self._show(HTML).to_html(escape=False, border=0, justify="right")
        start, line, rest = body.partition("\n")
        caption = f"  <caption>{HTML.label(self.caption)}</caption>"
        return _written(f"{self.provenance.html_comment()}{start}{line}{caption}\n{rest}\n", path)

    def to_latex(self, path: PathLike | None = None) -> str:
        """Return a ``tabular`` for LaTeX with the package booktabs, and write it to a file if one is named.

        Raises:
            ResultsError: jinja2, by which pandas makes it, is not installed.
        """
        with needed_for("A LaTeX table"):
            import jinja2  # noqa: F401
        shown = self._show(LATEX)
        columns = "l" * shown.index.nlevels + "r" * len(shown.columns)
        body = shown.to_latex(escape=False, column_format=columns, multicolumn_format="c", multirow=False)
        return _written(f"{self.provenance.lines('% ')}% {self.caption}\n{body}", path)

    def to_csv(self, path: PathLike | None = None) -> str:
        """Return the numbers of :attr:`frame`, not rounded, as CSV after comments; write them if a file is named.

        ``pandas.read_csv(path, comment="#")`` reads them.
        """
        numbers = self.frame.to_csv()
        if "#" in numbers:
            # In quotes, it begins no comment.
            numbers = self.frame.to_csv(quoting=csv.QUOTE_NONNUMERIC)
        return _written(f"{self.provenance.lines('# ')}# {self.caption}\n{numbers}", path)

    def _show(self, style: Style) -> pd.DataFrame:
        """Return cells, labels and titles as text, the latter made harmless."""
        best = self._is_best()
        cells = [[self._cell(place, style, best=best[place]) for place in row] for row in _places(self.mean)]
        index, columns = (self._index(axis, style.label) for axis in (self.mean.index, self.mean.columns))
        return pd.DataFrame(cells, index=index, columns=columns, dtype=object)

    def _cell(self, place: tuple[int, int], style: Style, *, best: bool) -> str:
        mean, spread = float(self.mean.to_numpy()[place]), float(self.spread.to_numpy()[place])
        if math.isnan(mean):
            return style.missing
        shown = style.spell(round_pair(mean, spread, self.digits) if math.isfinite(mean) else Rounded(f"{mean}"))
        return style.emphasize(shown) if best else shown

    def _is_best(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        means = self.mean
        if self.best is None:
            return np.zeros(means.shape, bool)
        return np.asarray(means.eq(means.min() if self.best == "min" else means.max(), axis="columns"))

    def _index(self, axis: pd.Index[Any], label: Callable[[str], str]) -> pd.Index[Any]:
        names = [label(self.titles[str(name)]) for name in axis.names]
        labels = [tuple(label(one_line(show_label(value))) for value in _levels(entry)) for entry in axis]
        return _make_index(labels, names)


def make_table(
    array: xarray.DataArray,
    rows: str | Sequence[str],
    columns: str | Sequence[str],
    over: str | Sequence[str] | None,
    *,
    spread: Spread = "std",
    best: Best | None = None,
    digits: int | None = None,
) -> Table:
    """Average an array over some dimensions, and lay out the others as rows and columns of a table.

    Names are those of dimensions, or of coordinates along one. ``spread`` is the standard deviation of a sample
    (n - 1), the standard error, or half of Student's interval of 95%. Cells show as many digits as the spread allows
    (``rounding.round_pair``), or ``digits`` after the point.

    Raises:
        ResultsError: the array holds no numbers, has a dimension that has no place, or a name or a word is not known.
    """
    check_numeric(array)
    check_word(spread, get_args(Spread), "The spread of a table")
    if best is not None:
        check_word(best, get_args(Best), "The best of a table")
    downwards, across, gone = as_names(rows), as_names(columns), as_names(over or ())
    laid, along = lay_out(array, (*downwards, *across), gone)
    index, header = _product(laid, downwards), _product(laid, across)
    numbers = _reduce(laid, along, spread)
    frames = [
        pd.DataFrame(part.to_numpy().reshape(len(index), len(header)), index=index, columns=header) for part in numbers
    ]
    titles = {name: title_along(laid, name) for name in (*downwards, *across)}
    caption = _describe(array, gone, frames[2], spread)
    made = Provenance.of(array)
    return Table(frames[0], frames[1], frames[2], spread, caption, {_VALUE: "", **titles}, made, best, digits)


def _reduce(array: xarray.DataArray, over: Sequence[str], spread: Spread) -> Sequence[xarray.DataArray]:
    """Return the mean, its spread and the count, none of them lazy."""
    numbers = (array if array.chunks else array.compute()).astype(float)
    if not over:
        return numbers.compute(), xarray.full_like(numbers, math.nan).compute(), numbers.notnull().astype(int).compute()
    low, high = interval(numbers, over, kind=spread)
    mean, count = numbers.mean(over, skipna=True), numbers.count(over)
    together = xarray.Dataset({"mean": mean, "spread": (high - low) / 2, "count": count}).compute()
    return together["mean"], together["spread"], together["count"]


def _product(array: xarray.DataArray, dims: Sequence[str]) -> pd.Index[Any]:
    if not dims:
        return pd.Index([title_of(array)], name=_VALUE)
    if len(dims) == 1:
        alone: pd.Index[Any] = pd.Index(array[dims[0]].to_numpy(), name=dims[0])
        return alone
    return pd.MultiIndex.from_product([array[dim].to_numpy() for dim in dims], names=list(dims))


def _describe(array: xarray.DataArray, over: Sequence[str], count: pd.DataFrame, spread: Spread) -> str:
    title = title_of(array)
    if not over:
        return title
    numbers = np.unique(count.to_numpy()[count.to_numpy() > 0])
    n = f" (n = {'-'.join(map(str, dict.fromkeys((numbers[0], numbers[-1]))))})" if len(numbers) else ""
    return f"{title}, mean ± {_SPREADS[spread]} over {one_line(', '.join(over))}{n}"


def _levels(label: Any) -> tuple[Any, ...]:
    return label if isinstance(label, tuple) else (label,)


def _make_index(labels: Sequence[tuple[str, ...]], names: Sequence[str]) -> pd.Index[Any]:
    if len(names) == 1:
        return pd.Index([label[0] for label in labels], name=names[0], dtype=object)
    return pd.MultiIndex.from_tuples(labels, names=list(names))


def _places(frame: pd.DataFrame) -> list[list[tuple[int, int]]]:
    return [[(row, column) for column in range(frame.shape[1])] for row in range(frame.shape[0])]


def _headline(label: Any, names: Sequence[Any]) -> str:
    parts = zip(names, _levels(label), strict=True)
    return ", ".join(f"{name} = {value}" if name else str(value) for name, value in parts)


def _written(text: str, path: PathLike | None) -> str:
    if path is not None:
        try:
            Path(path).expanduser().write_text(text, "utf-8")
        except OSError as error:
            raise ResultsError(f"{path} cannot be written: {error.strerror}.") from error
    return text
