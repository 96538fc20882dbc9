"""Owns which metrics there are: the columns of the streams, and what was declared of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from typedxp.results.names import RUN, STATUS, step_name, unused, variable_name
from typedxp.results.runs import StoredRun
from typedxp.results.streams import StreamFile, column_names, find_streams, longest
from typedxp.vocabulary.metrics import SUMMARY, Sizes, Variable


@dataclass(frozen=True)
class Metric:
    """A column of a stream: ``files`` are those of all runs in order, None where a run does not have the stream.

    ``dims`` and ``sizes`` are those of its own dimensions, where its values are arrays.
    """

    stream: str
    column: str
    files: tuple[StreamFile | None, ...]
    declared: Variable | None = None
    dims: tuple[str, ...] = ()
    sizes: Sizes = ()

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
        """The number of records of the run that has most of them."""
        return None if self.once else longest(self.files)


def find_metrics(runs: Sequence[StoredRun]) -> dict[str, Metric]:
    """Find the metrics of the runs, by the names of their variables: all that were declared or logged."""
    declared = _declared(runs)
    streams = dict.fromkeys(declared, (None,) * len(runs)) | dict(find_streams(runs))
    found: dict[str, Metric] = {}
    for stream, files in streams.items():
        variables = declared.get(stream, {})
        columns = tuple(dict.fromkeys([*variables, *column_names(files)]))
        for column in columns:
            metric = Metric(stream, column, files, variables.get(column))
            name = unused(column, {RUN, STATUS}) if metric.once else variable_name(stream, column, columns)
            found[name] = metric
    return _with_dimensions(found)


def _declared(runs: Iterable[StoredRun]) -> dict[str, dict[str, Variable]]:
    """Collect what was declared; of what several runs declared, the newest counts."""
    streams: dict[str, dict[str, Variable]] = {}
    for run in runs:
        for stream, variables in run.record.metrics.items():
            streams[stream] = streams.get(stream, {}) | dict(variables)
    return streams


def _with_dimensions(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Give the metrics that are arrays their dimensions, which have the same size in all of them."""
    taken = {RUN, STATUS, *metrics, *(metric.step for metric in metrics.values() if metric.step)}
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
    for file in metric.files:
        column = file.summary.columns.get(metric.column) if file else None
        fits = column is not None and len(column.sizes) == len(dims)
        yield from zip(dims, column.sizes if column is not None and fits else (0,) * len(dims), strict=True)
