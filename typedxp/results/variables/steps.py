"""Owns the coordinate along the records of a stream: the key that counts them, where all runs agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from typedxp.errors import ResultsError, nearest
from typedxp.results.problems import warn
from typedxp.results.runs.table import Ints
from typedxp.results.variables.arrays import MetricArray
from typedxp.results.variables.metrics import Metric
from typedxp.results.variables.streams import StreamFiles

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Steps:
    """The labels along the records of a stream; ``key`` is the one that they are the values of, None if they count."""

    values: Array
    key: str | None = None


def count_steps(files: StreamFiles) -> Steps:
    """Return the values of the key that counts the records, where every run has the same; else numbers from 0.

    A run that ended early has the beginning of what the others have. No metric is read: runs sum up their steps.
    """
    there = np.flatnonzero(files.streamed.records > 0)
    steps = files.streamed.steps.take(there)
    found = steps.used
    numbers = Steps(np.arange(files.longest))
    if not found or not steps.present.all() or len({step["key"] for step in found}) > 1:
        return numbers
    values = sorted((_expand(step["pieces"]) for step in found), key=len)
    agreed = all(np.array_equal(one, values[-1][: len(one)]) for one in values)
    return Steps(values[-1], found[0]["key"]) if agreed and len(values[-1]) == files.longest else numbers


def align_steps(metrics: Iterable[Metric], key: str) -> tuple[dict[str, Steps], dict[str, Ints]]:
    """Align the streams that have a key by its values: return the union of these, and which record is where.

    Reads the key of every run.

    Raises:
        ResultsError: no stream has such a key, or its values are no numbers.
    """
    streams: dict[str, Metric] = {metric.stream: metric for metric in metrics if metric.column == key and metric.step}
    if not streams:
        known = [metric.column for metric in metrics]
        raise ResultsError(f"No stream has {key!r} to be aligned by. {nearest(key, known)}")
    steps, positions = {}, {}
    for name, metric in streams.items():
        steps[name], positions[name] = _align(metric)
    return steps, positions


def _align(metric: Metric) -> tuple[Steps, Ints]:
    runs = np.arange(len(metric.files.ids))
    values = MetricArray(metric, runs).load()
    if values.dtype.kind not in "fi":
        raise ResultsError(f"{metric.stream}.{metric.column} holds more than numbers: nothing can be aligned by it.")
    there = np.isfinite(values)
    union = np.unique(values[there])
    positions = np.full((len(runs), len(union)), -1, np.int64)
    run, record = np.nonzero(there)
    # The last record of a value is the one that stays.
    positions[run, np.searchsorted(union, values[there])] = record
    if (positions >= 0).sum() < there.sum():
        message = f"{metric.stream}.{metric.column} repeats within runs: the last record of each value is shown."
        warn(message)
    whole = union.astype(np.int64) if (union == np.floor(union)).all() else union
    return Steps(whole, metric.column), positions


def _expand(pieces: Sequence[Sequence[int]]) -> Array:
    parts = [first + stride * np.arange(count) for first, stride, count in pieces]
    return np.concatenate(parts) if parts else np.arange(0)


def aligned(metrics: Mapping[str, Metric], positions: Mapping[str, Ints]) -> dict[str, Metric]:
    """Return the metrics with those of aligned streams in their positions."""
    return {
        name: replace(metric, positions=positions[metric.stream]) if metric.stream in positions else metric
        for name, metric in metrics.items()
    }
