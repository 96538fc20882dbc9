"""Owns comparing the labels of a dimension, two by two: differences, sizes of effects, tests."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray

from typedxp.errors import ResultsError
from typedxp.results.analysis.checks import check_dimensions, check_numeric, check_word
from typedxp.results.analysis.choosing import step_dimensions
from typedxp.results.analysis.libraries import needed_for
from typedxp.results.problems import warn

Test = Literal["t", "wilcoxon", "mannwhitney"]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Sample = tuple[Any, Floats]
"""A label, and its values."""

_TESTS = {True: ("t", "wilcoxon"), False: ("t", "mannwhitney")}


def compare(
    array: xarray.DataArray, along: str, over: str | Iterable[str], *, paired: bool = True, test: Test = "t"
) -> pd.DataFrame:
    """Compare every two labels along a dimension by the values over some others, such as the seeds.

    With ``paired``, a value counts if the other label has one at the same place. Infinite values are left out, with a
    warning. The test is Student's t-test of the differences, or Wilcoxon's signed-rank test (``wilcoxon``); else it is
    Welch's t-test, which does not assume equal variances, or that of Mann and Whitney (``mannwhitney``). All are
    two-sided.

    Returns:
        One row for each pair, and for each cell of the dimensions that are left: the labels ``a`` and ``b``; how many
        values of each are used, ``n_a`` and ``n_b``; ``mean_a`` and ``mean_b``; ``difference``, which is a minus b;
        ``effect``, its size by :func:`cohens_d` of the differences or by :func:`hedges_g`; ``statistic``, ``p`` and
        ``p_holm``, the last one corrected by :func:`holm` for all rows.

    Raises:
        ResultsError: a dimension or a word is wrong, there is nothing to compare, or scipy is not installed.
    """
    [along] = check_dimensions(array, [along])
    dims = check_dimensions(array, over)
    check_numeric(array)
    if test not in _TESTS[paired]:
        check_word(test, _TESTS[paired], f"The test of {'paired' if paired else 'unpaired'} values")
    _check_comparable(array, along, dims)
    array = array.compute()
    rows = [_row(cell, a, b, paired, test) for cell, a, b in _pairs(array, along, dims)]
    frame = pd.DataFrame(rows)
    _warn_of_infinite(array)
    _warn_of_few(frame)
    frame["p_holm"] = holm(frame["p"].to_numpy())
    frame.attrs = {"test": test, "paired": paired, "effect": "d_z" if paired else "Hedges g", "over": list(dims)}
    return frame


def cohens_d(differences: Floats) -> float:
    """Return the size of an effect from paired differences, Cohen's d_z: their mean by their standard deviation.

    J. Cohen, "Statistical Power Analysis for the Behavioral Sciences", 2nd ed., 1988, section 2.3.5. It is NaN if there
    are fewer than two differences, or if they are all the same.
    """
    if not _varies(differences):
        return float("nan")
    return float(differences.mean() / differences.std(ddof=1))


def hedges_g(a: Floats, b: Floats) -> float:
    """Return the size of an effect from two samples, Hedges' g: the difference of means by the pooled deviation.

    L. V. Hedges, "Distribution theory for Glass's estimator of effect size and related estimators", Journal of
    Educational Statistics 6(2), 1981, with the usual approximation ``1 - 3 / (4 (n_a + n_b - 2) - 1)`` of the
    correction for small samples. It is NaN if a sample has fewer than two values, or if there is no deviation.
    """
    if min(len(a), len(b)) < 2 or not (_varies(a) or _varies(b)):
        return float("nan")
    degrees = len(a) + len(b) - 2
    pooled = ((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / degrees
    return float((a.mean() - b.mean()) / np.sqrt(pooled) * (1 - 3 / (4 * degrees - 1)))


def holm(p_values: Floats) -> Floats:
    """Correct p-values for the number of tests, so that the chance of any false alarm stays bounded; NaN stays NaN.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2), 1979:
    the k-th smallest of m p-values is multiplied by m - k + 1, and none is smaller than one before it.
    """
    corrected = np.full(len(p_values), np.nan)
    order = np.argsort(p_values)[: np.isfinite(p_values).sum()]  # NaN is sorted to the end
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return corrected


def _check_comparable(array: xarray.DataArray, along: str, dims: Sequence[str]) -> None:
    if along in dims:
        raise ResultsError(f"{along} is compared: it cannot be what the values are taken over, too.")
    if array.sizes[along] < 2:
        raise ResultsError(f"{along} has {array.sizes[along]} label: two are needed to compare.")
    steps = [dim for dim in step_dimensions(array) if dim not in dims]
    if steps:
        raise ResultsError(
            f"{array.name} has many values per run, along {', '.join(steps)}. Choose one: by .xp.last(), "
            ".xp.at(step) or .xp.best('min')."
        )


def _pairs(
    array: xarray.DataArray, along: str, dims: Sequence[str]
) -> Iterator[tuple[Mapping[str, Any], Sample, Sample]]:
    """Yield for each cell and each two labels along a dimension: the cell, and each label with its values."""
    rest = [str(dim) for dim in array.dims if dim not in (along, *dims)]
    values = array.transpose(*rest, along, *dims).values.astype(np.float64)
    names = _labels(array, along)
    for place in np.ndindex(*(array.sizes[dim] for dim in rest)):
        cell = {dim: _labels(array, dim)[index] for dim, index in zip(rest, place, strict=True)}
        samples = values[place].reshape(len(names), -1)
        yield from ((cell, a, b) for a, b in combinations(zip(names, samples, strict=True), 2))


def _labels(array: xarray.DataArray, dim: str) -> Sequence[Any]:
    return list(array.indexes[dim]) if dim in array.indexes else range(array.sizes[dim])


def _row(cell: Mapping[str, Any], a: Sample, b: Sample, paired: bool, test: Test) -> dict[str, Any]:
    first, second = (np.isfinite(values) for _, values in (a, b))
    if paired:
        first = second = first & second
    first, second = a[1][first], b[1][second]
    mean_a, mean_b = (values.mean() if len(values) else np.nan for values in (first, second))
    statistic, p = _test(first, second, paired, test)
    return {
        **cell,
        "a": a[0],
        "b": b[0],
        "n_a": len(first),
        "n_b": len(second),
        "mean_a": mean_a,
        "mean_b": mean_b,
        "difference": mean_a - mean_b,
        "effect": cohens_d(first - second) if paired else hedges_g(first, second),
        "statistic": statistic,
        "p": p,
    }


def _test(first: Floats, second: Floats, paired: bool, test: Test) -> tuple[float, float]:
    """Return the statistic and the p-value; NaN where there is too little to tell."""
    with needed_for("A test"):
        from scipy import stats

    tests = {
        "t": stats.ttest_rel if paired else partial(stats.ttest_ind, equal_var=False),
        "wilcoxon": stats.wilcoxon,
        "mannwhitney": stats.mannwhitneyu,
    }
    varied = _varies(first - second) if paired else _varies(first) or _varies(second)
    if min(len(first), len(second)) < 2 or (test == "t" and not varied):
        return float("nan"), float("nan")
    with warnings.catch_warnings():
        # What scipy would say of samples that are small, or hardly differ, is told by the result.
        warnings.simplefilter("ignore")
        found = tests[test](first, second)
    return float(found.statistic), float(found.pvalue)


def _varies(values: Floats) -> bool:
    """Tell whether values differ by more than rounding does."""
    return len(values) > 1 and bool(np.ptp(values) > 1e-12 * np.abs(values).max())


def _warn_of_infinite(array: xarray.DataArray) -> None:
    infinite = int(np.isinf(array).sum())
    if infinite:
        warn(f"{infinite} infinite values of {array.name} are left out of the comparison: runs that diverged, perhaps.")


def _warn_of_few(frame: pd.DataFrame) -> None:
    few = frame[frame["p"].isna()]
    if len(few):
        pairs = ", ".join(f"{a} and {b}" for a, b in zip(few["a"][:5], few["b"][:5], strict=True))
        message = (
            f"{len(few)} of {len(frame)} comparisons have no p-value ({pairs}): "
            "fewer than two values to compare, or values that do not vary."
        )
        warn(message)
