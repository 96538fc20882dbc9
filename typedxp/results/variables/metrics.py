"""Owns which metrics there are: the columns of the streams, and what was declared of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from typedxp.results.names import RESERVED, step_name, unused, variable_name
from typedxp.results.runs.table import Fact, Ints, Table
from typedxp.results.variables.streams import StreamFiles
from typedxp.vocabulary.metrics import SUMMARY, Sizes, Variable
from typedxp.vocabulary.tree import ABSENT

_TYPES = {"bool": np.dtype(np.bool_), "int": np.dtype(np.int64)}


@dataclass(frozen=True)
class Metric:
    """A column of a stream: ``files`` are those of all runs.

    ``dims`` and ``sizes`` are those of its own dimensions, where its values are arrays. ``positions`` of the shape
    (runs, steps) hold the record that is shown at each step, or -1; without them, records are shown as they follow each
    other.
    """

    column: str
    files: StreamFiles
    declared: Variable | None = None
    dims: tuple[str, ...] = ()
    sizes: Sizes = ()
    positions: Ints | None = None

    @property
    def stream(self) -> str:
        """The name of its stream."""
        return self.files.name

    @property
    def once(self) -> bool:
        """Whether each run has it once, and not step by step."""
        return self.declared is not None and self.stream == SUMMARY

    @property
    def step(self) -> str | None:
        """The name of the dimension along which it has its records."""
        return None if self.once else step_name(self.stream)

    @property
    def steps(self) -> int | None:
        """The number of steps: of the records of the run that has most of them, unless they are aligned."""
        if self.once:
            return None
        return self.files.longest if self.positions is None else self.positions.shape[1]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values of one run: (steps, *sizes), or only the sizes of what it has once."""
        return self.sizes if self.steps is None else (self.steps, *self.sizes)

    @cached_property
    def summaries(self) -> Fact:
        """What each run says of the column, ABSENT where it does not have it."""
        columns = self.files.streamed.columns
        return columns.mapped(columns.get(self.column, ABSENT) for columns in columns.values)

    def present(self, runs: Ints) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell whether each of these runs has a value; run -1 is none."""
        return (runs >= 0) & self.summaries.present[runs]

    def sizes_of(self, run: int) -> Sizes:
        """Return the sizes of the arrays of a run."""
        sizes = tuple(self.summaries[run]["sizes"])
        return sizes if len(sizes) == len(self.dims) else self.sizes

    def dtype(self, runs: Ints) -> np.dtype[Any]:
        """Return the type that holds the values of some runs, from what is declared and summed up: no value is read.

        It is that of integers or truths only if nothing is missing.
        """
        if self.dims:
            return np.dtype(np.float64)
        found = self.summaries.take(runs[runs >= 0])
        kinds = {kind for summary in found.used for kind in summary["kinds"]}
        word = self.declared.dtype if self.declared is not None else None
        if word == "str" or not kinds.isdisjoint({"str", "other"}):
            return np.dtype(object)
        full = self.once or all(summary["full"] for summary in found.used)
        whole = full and (runs >= 0).all() and found.present.all()
        if word == "float" or len(kinds) != 1 or not whole or not self.fills(runs):
            return np.dtype(np.float64)
        return _TYPES.get(kinds.pop(), np.dtype(np.float64))

    def note(self, runs: Ints) -> str | None:
        """Say what the values of some runs do not show of what was logged."""
        summaries = self.summaries.take(runs[runs >= 0]).used
        kinds = {kind for summary in summaries for kind in summary["kinds"]} - {"null"}
        meant = self.declared is None or self.declared.dtype == "int"
        if kinds == {"int"} and meant and self.dtype(runs) == np.float64:
            return "integers shown as floats, since some are missing"
        if len(kinds) > 1 and kinds != {"int", "float"}:
            return f"values of several types: {', '.join(sorted(kinds))}"
        if not self.once and not all(summary["full"] for summary in summaries):
            return "not in every record"
        return None

    def fills(self, runs: Ints) -> bool:
        """Tell whether each of the runs has a record for every step, and arrays of the full sizes in it."""
        if self.dims:
            return False
        if self.steps is None:
            return True
        if self.positions is not None:
            return bool((self.positions[runs] >= 0).all())
        return bool((self.files.streamed.records[runs] == self.steps).all())


def find_metrics(table: Table, streams: Mapping[str, StreamFiles]) -> dict[str, Metric]:
    """Find the metrics of the runs, by the names of their variables: all that were declared or logged."""
    declared = _declared(table)
    found: dict[str, Metric] = {}
    taken = {*RESERVED, *map(step_name, [*declared, *streams])}
    for stream in dict.fromkeys([*declared, *streams]):
        files = streams[stream] if stream in streams else StreamFiles.none(stream, table)
        variables = declared.get(stream, {})
        columns = tuple(dict.fromkeys([*variables, *files.columns]))
        for column in columns:
            metric = Metric(column, files, variables.get(column))
            name = column if metric.once else variable_name(stream, column, columns)
            found[unused(name, taken | (set(columns) - {column}) if metric.once else found)] = metric
    return _with_dimensions(found)


def _declared(table: Table) -> dict[str, dict[str, Variable]]:
    """Collect what was declared; of what several runs declared, the newest counts."""
    streams: dict[str, dict[str, Variable]] = {}
    for declaration in reversed(table.fact("metrics").newest_first):
        for stream, variables in declaration.items():
            known = {name: _variable(variable) for name, variable in variables.items()}
            streams[stream] = streams.get(stream, {}) | known
    return streams


def _variable(raw: Mapping[str, Any]) -> Variable:
    return Variable(**{**raw, "dims": tuple(raw.get("dims", ()))})


def _with_dimensions(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Give the metrics that are arrays their dimensions, which have the same size in all of them."""
    taken = {*RESERVED, *metrics, *(metric.step for metric in metrics.values() if metric.step)}
    sizes: dict[str, int] = {}
    for metric in metrics.values():
        for name, size in _sizes(metric):
            sizes[name] = max(size, sizes.get(name, 0))
    return {
        name: replace(
            metric,
            dims=tuple(unused(dim, taken) for dim in metric.declared.dims),
            sizes=tuple(sizes[dim] for dim in metric.declared.dims),
        )
        if metric.declared is not None
        else metric
        for name, metric in metrics.items()
    }


def _sizes(metric: Metric) -> Iterator[tuple[str, int]]:
    dims = metric.declared.dims if metric.declared is not None else ()
    yield from zip(dims, (0,) * len(dims), strict=True)
    for summary in metric.summaries.used if dims else ():
        if len(summary["sizes"]) == len(dims):
            yield from zip(dims, summary["sizes"], strict=True)
