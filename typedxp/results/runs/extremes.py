"""Owns single numbers of a metric: its last, smallest and largest value in each run."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from typedxp.results.runs.table import Fact, Ints, Table
from typedxp.results.variables.arrays import MetricArray
from typedxp.results.variables.metrics import Metric
from typedxp.results.variables.rows import Array
from typedxp.results.variables.streams import find_streams
from typedxp.vocabulary.tree import ABSENT

_BATCH = 1024
"""How many runs are read at a time."""


def read_extreme(table: Table, root: Path, cache: Path | None, names: tuple[str, str, str], runs: Ints) -> Fact:
    """Read for some runs a column of a stream: ``names`` are the stream, the column, and ``last``, ``min`` or ``max``.

    What is missing, and NaN, is skipped; ABSENT where nothing is left. Of what is no number there is no extreme.
    """
    stream, column, which = names
    metric = Metric(column, find_streams(table, root, cache)[stream])
    logged = runs[metric.present(runs)]
    found: dict[int, Any] = {}
    for start in range(0, len(logged), _BATCH):
        batch = logged[start : start + _BATCH]
        values = MetricArray(metric, batch).load()
        chosen = _objects(values, which) if values.dtype == object else _numbers(values, which)
        found.update(zip(batch.tolist(), chosen, strict=True))
    whole = {run for run in found if list(metric.summaries[run]["kinds"]) == ["int"]}
    return Fact.of(_restored(found.get(run, ABSENT), run in whole) for run in runs.tolist())


def _restored(value: Any, whole: bool) -> Any:
    """Make an integer a float no more, as it is among missing values."""
    return int(value) if whole and isinstance(value, float) and value.is_integer() else value


def _numbers(values: Array, which: str) -> list[Any]:
    """Choose from each row of an array of numbers."""
    if values.shape[1] == 0:
        return [ABSENT] * len(values)
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, np.bool_)
    if which == "last":
        places = values.shape[1] - 1 - np.argmax(~missing[:, ::-1], axis=1)
        chosen = values[np.arange(len(values)), places]
    else:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
            chosen = (np.nanmin if which == "min" else np.nanmax)(values, axis=1)
    nothing = np.all(missing, axis=1).tolist()
    return [ABSENT if none else value for value, none in zip(chosen.tolist(), nothing, strict=True)]


def _objects(values: Array, which: str) -> list[Any]:
    """Choose from each row of an array of anything: the last of all, or the smallest or largest of the numbers."""
    rows = [[value for value in row if value is not None and not _is_nan(value)] for row in values.tolist()]
    if which == "last":
        return [row[-1] if row else ABSENT for row in rows]
    numbers = [[value for value in row if isinstance(value, int | float)] for row in rows]
    return [_CHOOSE[which](row) if row else ABSENT for row in numbers]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


_CHOOSE: Mapping[str, Callable[[list[Any]], Any]] = {"min": min, "max": max}
