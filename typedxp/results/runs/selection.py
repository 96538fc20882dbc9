"""Owns which runs of a source are shown: those of one experiment that are asked for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from typedxp.errors import ResultsError, nearest
from typedxp.results.request import Request
from typedxp.results.runs.fields import Fields
from typedxp.results.runs.query import Query
from typedxp.results.runs.table import Table
from typedxp.results.sources.choose import Source


def select_runs(source: Source, request: Request) -> Table:
    """Return the runs that are asked for.

    Raises:
        ResultsError: there are none, or they are of several experiments and none of them is asked for by name; or what
            they have to meet is no condition on them.
    """
    table = source.table
    if request.experiment is not None:
        table = of_experiment(source.root, table, request.experiment)
    if request.where is not None:
        table = _meeting(source, table, request.where)
    counts = Counter(table.fact("experiment"))
    if len(counts) > 1:
        raise ResultsError(
            f"{source.root} holds runs of {len(counts)} experiments: {_listed(counts)}. "
            f"Choose one: open_results(..., experiment={min(counts)!r})."
        )
    return table


def of_experiment(path: Path, table: Table, experiment: str) -> Table:
    """Return the runs of one experiment.

    Raises:
        ResultsError: there are none.
    """
    names = table.fact("experiment")
    counts = Counter(names)
    if experiment not in counts:
        raise ResultsError(
            f"{path} holds no run of {experiment!r}. {nearest(experiment, counts)} It holds {_listed(counts)}."
        )
    if len(counts) == 1:
        return table
    return table.take(np.flatnonzero([name == experiment for name in names]))


def _meeting(source: Source, table: Table, where: str) -> Table:
    query = Query(Fields(source, table), where)
    runs = query.runs()
    if not len(runs):
        raise ResultsError(f"{source.root}: {query.explain()}")
    return table if len(runs) == len(table) else table.take(runs)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count} run{'s' if count > 1 else ''})" for name, count in sorted(counts.items()))
