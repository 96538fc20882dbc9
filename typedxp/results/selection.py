"""Owns which runs of a source are shown: those of one experiment that are asked for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from typedxp.errors import ResultsError, nearest
from typedxp.results.request import Request
from typedxp.results.sources.choose import Source
from typedxp.results.table import Table


def select_runs(source: Source, request: Request) -> Table:
    """Return the runs that are asked for.

    Raises:
        ResultsError: there are none, or they are of several experiments and none of them is asked for by name.
    """
    return _of_experiment(source.root, source.table, request.experiment)


def _of_experiment(path: Path, table: Table, experiment: str | None) -> Table:
    names = table.fact("experiment")
    counts = Counter(names)
    if experiment is None and len(counts) > 1:
        raise ResultsError(
            f"{path} holds runs of {len(counts)} experiments: {_listed(counts)}. "
            f"Choose one: open_results(..., experiment={min(counts)!r})."
        )
    if experiment is not None and experiment not in counts:
        raise ResultsError(
            f"{path} holds no run of {experiment!r}. {nearest(experiment, counts)} It holds {_listed(counts)}."
        )
    if len(counts) == 1:
        return table
    return table.take(np.flatnonzero([name == experiment for name in names]))


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count} run{'s' if count > 1 else ''})" for name, count in sorted(counts.items()))
