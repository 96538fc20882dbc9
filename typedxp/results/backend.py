"""Owns how xarray opens a store: ``xarray.open_dataset("logs", engine="typedxp")``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray
from xarray.backends import BackendEntrypoint
from xarray.core import indexing

from typedxp.errors import StoreError
from typedxp.results.arrays import MetricArray
from typedxp.results.commands import Commands
from typedxp.results.dimensions import Axis, group_by_point, keeps_grid, make_axes, place_runs, swept_keys
from typedxp.results.labels import find_label, label_array
from typedxp.results.metrics import Metric, find_metrics
from typedxp.results.names import RUN, STATUS, dimension_names
from typedxp.results.runs import StoredRun, choose_run, find_runs, warn_of_hidden
from typedxp.store.store import Store


class RunStoreBackend(BackendEntrypoint):
    """Open a directory of runs as a dataset whose dimensions are what was swept."""

    description: ClassVar[str] = "Open a directory of typedxp runs; metrics are read when they are used"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = ("filename_or_obj", "drop_variables", "experiment", "runs")

    def open_dataset(  # type: ignore[override]  # xarray's own backends add keywords in the same way
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        experiment: str | None = None,
        runs: Iterable[int] | None = None,
    ) -> xarray.Dataset:
        """Open the runs of one experiment; see :func:`typedxp.open_results`.

        Raises:
            ResultsError: there are no such runs, or runs of several experiments and none of them is asked for by name.
        """
        # Absolute, since the values may be read in another directory, or by another process.
        path = Path(filename_or_obj).expanduser().absolute()
        found = find_runs(path, experiment, runs)
        dropped = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
        dataset = _build(found).drop_vars(dropped, errors="ignore")
        return dataset.assign_attrs(experiment=found[0].record.experiment.name, store=str(path), runs=len(found))

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell whether this is a directory that holds runs."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        try:
            return next(Store(Path(filename_or_obj).expanduser()).runs(), None) is not None
        except (StoreError, ValueError, RuntimeError):
            return False


@dataclass(frozen=True)
class _Layout:
    """The dimensions that all metrics share, their coordinates, and which run is where: its place in a list, or -1."""

    dims: tuple[str, ...]
    grid: np.ndarray[Any, np.dtype[np.int64]]
    coords: Mapping[str, xarray.Variable]


def _build(runs: Sequence[StoredRun]) -> xarray.Dataset:
    commands = Commands(runs)
    swept = swept_keys(runs)
    keys = (*swept, *commands.varied_keys(swept))
    points = group_by_point(runs, keys, commands)
    warn_of_hidden(point.runs for point in points)
    shown = [choose_run(point.runs) for point in points]
    metrics = find_metrics(shown)
    steps = {metric.step: np.arange(metric.steps or 0) for metric in metrics.values() if metric.step}
    names = dimension_names(keys, [*metrics, *steps, *(dim for metric in metrics.values() for dim in metric.dims)])
    layout = _lay_out(make_axes(keys, points), names, runs, shown)
    data = {name: _variable(layout, metric) for name, metric in metrics.items()}
    return xarray.Dataset(data, coords={**layout.coords, **steps})


def _lay_out(
    axes: Sequence[Axis], names: Mapping[str, str], runs: Sequence[StoredRun], shown: Sequence[StoredRun]
) -> _Layout:
    if keeps_grid(axes, len(shown)):
        dims, grid = tuple(names[axis.key] for axis in axes), place_runs(axes, len(shown))
        labels = {axis.key: ((names[axis.key],), axis.values) for axis in axes}
    else:
        # Too few runs for so many points: a list of runs, with the swept keys as coordinates along it.
        dims, grid = (RUN,), np.arange(len(shown))
        labels = {axis.key: (dims, tuple(axis.values[place] for place in axis.places)) for axis in axes}
    coords = {
        names[key]: xarray.Variable(along, label_array(values), _describe(key, runs))
        for key, (along, values) in labels.items()
    }
    # Place -1, where there is no run, is the last entry of these.
    ids = np.array([*(run.directory.id for run in shown), -1], dtype=np.int64)
    states = np.array([*(str(run.status.status) for run in shown), "missing"])
    coords[RUN] = xarray.Variable(dims, ids[grid], {"long_name": "id of the run, -1 where there is none"})
    coords[STATUS] = xarray.Variable(dims, states[grid], {"long_name": "status of the run"})
    return _Layout(dims, grid, coords)


def _variable(layout: _Layout, metric: Metric) -> xarray.Variable:
    array = MetricArray(metric, layout.grid)
    dims = (*layout.dims, *([metric.step] if metric.step else ()), *metric.dims)
    attrs = {"stream": metric.stream, "column": metric.column}
    if metric.declared is not None:
        attrs |= _known(long_name=metric.declared.description, units=metric.declared.unit)
    # As it is on disk: one file for each run.
    chunks = dict(zip(dims, [*(1 for _ in layout.dims), *array.one], strict=True))
    return xarray.Variable(dims, indexing.LazilyIndexedArray(array), attrs, {"preferred_chunks": chunks})


def _describe(key: str, runs: Sequence[StoredRun]) -> dict[str, str]:
    label = find_label(runs, key)
    return _known(key=key, long_name=label.description, units=label.unit)


def _known(**attrs: str | None) -> dict[str, str]:
    return {name: text for name, text in attrs.items() if text}
