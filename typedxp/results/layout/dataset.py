"""Owns how runs become a dataset: dimensions, coordinates and lazy variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray
from xarray.core import indexing

from typedxp.results.analysis.provenance import describe
from typedxp.results.layout.dimensions import Axis, choose_runs, make_axis
from typedxp.results.layout.keys import choose_keys, tells_of_runs
from typedxp.results.layout.labels import find_label
from typedxp.results.layout.place import Placed, lay_out, place_values
from typedxp.results.layout.selecting import LabelIndex
from typedxp.results.names import REPEAT, RESERVED, RUN, dimension_names
from typedxp.results.request import Request
from typedxp.results.runs.commands import Commands
from typedxp.results.runs.selection import select_runs
from typedxp.results.runs.table import Fact, Ints, Table
from typedxp.results.runs.versions import warn_of_versions
from typedxp.results.sources.choose import Source
from typedxp.results.variables.arrays import MetricArray, good_chunks
from typedxp.results.variables.kept import Kept, find_kept, kept_by_runs
from typedxp.results.variables.kept_arrays import KeptArray
from typedxp.results.variables.metrics import Metric, find_metrics
from typedxp.results.variables.steps import Steps, align_steps, aligned, count_steps
from typedxp.results.variables.streams import StreamFiles, find_streams
from typedxp.vocabulary.records import Label
from typedxp.vocabulary.version import VERSION


@dataclass(frozen=True)
class Shown:
    """The runs that a dataset shows, each at its place along the axes."""

    source: Source
    request: Request
    table: Table
    axes: tuple[Axis, ...]
    facts: frozenset[str]
    """Those axes that are no keys: they keep their names."""
    removed: Mapping[str, Fact]
    """What runs of before had at keys that the newest schema has not."""

    def take(self, runs: Ints) -> Shown:
        """Return what shows only some of the runs."""
        removed = {key: fact.take(runs) for key, fact in self.removed.items()}
        return replace(
            self, table=self.table.take(runs), axes=tuple(axis.take(runs) for axis in self.axes), removed=removed
        )

    @property
    def streams(self) -> dict[str, StreamFiles]:
        """The streams of the runs, by name."""
        return find_streams(self.table, self.source.root, self.source.cache)

    def describe(self, key: str) -> Label:
        """Return what is known of a key: from the newest run that swept it, or else from the schemas."""
        label = find_label(self.table, key)
        return label if label != Label() else self.source.history.describe(key)


def choose_shown(source: Source, request: Request) -> Shown:
    """Choose which runs are shown, and along which axes.

    Raises:
        ResultsError: there are no such runs, or no such keys.
    """
    table = select_runs(source, request)
    commands = Commands(table, source.load_config)
    keys = choose_keys(commands, request)
    axes = [make_axis(key, keys[key]) for key in keys]
    shown, chosen = choose_runs(table, axes, request.duplicates)
    warn_of_versions(table.take(shown), source.history, keys)
    removed = {key: commands.fact(key) for key in source.history.removed if key not in keys}
    removed = {key: fact.take(shown) for key, fact in removed.items() if _is_scalar(fact)}
    if source.configs is not None:
        source.configs.write()
    facts = frozenset({REPEAT, *(key for key in keys if tells_of_runs(commands, key))})
    return Shown(source, request, table.take(shown), chosen, facts, removed)


def _is_scalar(fact: Fact) -> bool:
    return not any(isinstance(value, dict | list) for value in fact.values)


def build_dataset(shown: Shown) -> xarray.Dataset:
    """Make a dataset of runs; values are read when they are used."""
    table, request = shown.table, shown.request
    streams = shown.streams
    metrics = find_metrics(table, streams)
    steps = {name: count_steps(files) for name, files in streams.items()}
    if request.align is not None:
        over, positions = align_steps(metrics.values(), request.align)
        metrics, steps = aligned(metrics, positions), steps | over
    metrics = _without_steps(metrics, steps)
    taken = {*RESERVED, *metrics, *(dim for metric in metrics.values() for dim in (metric.step, *metric.dims) if dim)}
    kept = find_kept(kept_by_runs(table, shown.source.root), taken)
    taken |= {*kept, *(dim for array in kept.values() for dim in array.dims)}
    keys = [key for key in (*(axis.key for axis in shown.axes), *shown.removed) if key not in shown.facts]
    names = {**dimension_names(keys, taken, request.rename), **{key: key for key in shown.facts}}
    placed = lay_out(shown.axes, names, table, request.layout, shown.describe)
    removed = {
        names[key]: place_values(placed, fact, {"key": key, "note": "not in the newest schema"})
        for key, fact in shown.removed.items()
        if fact.present.any()
    }
    origin = describe_shown(shown)
    data = {name: _variable(placed, metric, origin) for name, metric in metrics.items()}
    data |= {name: _kept_variable(placed, array, origin) for name, array in kept.items()}
    coords = {**placed.coords, **removed, **_step_coordinates(metrics, steps)}
    return _index_labels(xarray.Dataset(data, coords=coords, attrs=origin), shown, names)


def _index_labels(dataset: xarray.Dataset, shown: Shown, names: Mapping[str, str]) -> xarray.Dataset:
    """Make labels that are text for other values, or may be, found by these values."""
    for axis in shown.axes:
        name = names[axis.key]
        if name in dataset.dims and dataset[name].dtype.kind == "U" and _stand_for_others(axis, shown):
            dataset = dataset.drop_indexes(name).set_xindex(name, LabelIndex)
    return dataset


def _without_steps(metrics: Mapping[str, Metric], steps: Mapping[str, Steps]) -> dict[str, Metric]:
    """Leave out the columns called ``step`` that are the coordinate of their stream."""
    return {
        name: metric
        for name, metric in metrics.items()
        if metric.column != "step" or metric.stream not in steps or steps[metric.stream].key != "step"
    }


def _stand_for_others(axis: Axis, shown: Shown) -> bool:
    """Tell whether labels stand for other values than text, or may: the field is an enum, or a path."""
    declared = shown.source.history.type_of(axis.key)
    return "Path" in declared or declared.startswith("enum") or not all(isinstance(value, str) for value in axis.values)


def _step_coordinates(metrics: Mapping[str, Metric], steps: Mapping[str, Steps]) -> dict[str, xarray.Variable]:
    coordinates = {}
    for metric in metrics.values():
        if metric.step is not None:
            found = steps.get(metric.stream, Steps(np.arange(0)))
            attrs = {"key": found.key} if found.key is not None else {}
            coordinates[metric.step] = xarray.Variable((metric.step,), found.values, attrs)
    return coordinates


def _variable(placed: Placed, metric: Metric, origin: Mapping[str, str]) -> xarray.Variable:
    array = MetricArray(metric, placed.grid)
    dims = (*placed.dims, *([metric.step] if metric.step else ()), *metric.dims)
    attrs = {"stream": metric.stream, "column": metric.column}
    if metric.declared is not None:
        known = {"long_name": metric.declared.description, "units": metric.declared.unit}
        attrs |= {name: text for name, text in known.items() if text}
    if note := metric.note(placed.grid.ravel()):
        attrs["note"] = note
    chunks = dict(zip(dims, good_chunks(placed.grid.shape, array.one, array.dtype), strict=True))
    lazy = indexing.LazilyIndexedArray(array)
    return xarray.Variable(dims, lazy, {**attrs, **origin}, {"preferred_chunks": chunks})


def _kept_variable(placed: Placed, kept: Kept, origin: Mapping[str, str]) -> xarray.Variable:
    array = KeptArray(kept, placed.grid)
    dims = (*placed.dims, *kept.dims)
    chunks = dict(zip(dims, good_chunks(placed.grid.shape, kept.sizes, array.dtype), strict=True))
    lazy = indexing.LazilyIndexedArray(array)
    return xarray.Variable(dims, lazy, {**array.attrs, **origin}, {"preferred_chunks": chunks})


def describe_shown(shown: Shown) -> dict[str, str]:
    """Return the attributes that tell of the origin of what is shown."""
    ids, codes = shown.table.ids, shown.table.fact("code").listed("")
    runs = xarray.Dataset(coords={RUN: (RUN, ids), "code": (RUN, codes)})
    return {
        "experiment": str(shown.table.fact("experiment")[0]),
        "store": str(shown.source.root),
        **describe(runs),
        "typedxp": VERSION,
    }
