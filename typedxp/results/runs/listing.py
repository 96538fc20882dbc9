"""Owns lists of runs, and of what can be asked of them, for the terminal and for frames: no metric is read unasked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from typedxp.results.runs.commands import Commands
from typedxp.results.runs.fields import Fields
from typedxp.results.runs.moments import TIMES
from typedxp.results.runs.query import Query
from typedxp.results.runs.selection import of_experiment
from typedxp.results.runs.table import Fact, Ints
from typedxp.results.sources.choose import Source, open_source
from typedxp.vocabulary.tree import ABSENT, shown

_EXAMPLES = 3
_KINDS = {"str": "text", "NoneType": "null", "dict": "section"}


@dataclass(frozen=True)
class Listed:
    """Some ``runs`` of a source, by their places, in the order that was asked for.

    ``columns`` are some fields, as they were called, with a value for each run; None where it has none. ``note`` says
    why no run is listed.
    """

    source: Source
    runs: Ints
    columns: dict[str, list[Any]]
    note: str = ""

    @cached_property
    def points(self) -> list[dict[str, Any]]:
        """What tells each of the runs from the others, by key: what its dataset has along its dimensions."""
        return _points(self.source, self.runs)


@dataclass(frozen=True)
class Field:
    """What is known of a field: the types of its values, how many runs have it, how many different values there are.

    ``values`` is None, and there are no ``examples``, where a metric had to be read to know it.
    """

    name: str
    type: str
    runs: int
    values: int | None
    examples: tuple[str, ...]


def list_runs(
    store: Path, columns: Sequence[str], where: str | None = None, sort: Sequence[str] = (), limit: int | None = None
) -> Listed:
    """List the runs of a store that meet a condition.

    They are sorted by the fields in ``sort``, downwards by one that begins with ``-``, and else by id; runs without a
    value come last. At most ``limit`` of them are listed.

    Raises:
        ResultsError: there is no such store, no such field, or the condition cannot be met by its values.
    """
    source = open_source(store)
    fields = Fields(source, source.table)
    names = {column: fields.find(column) for column in columns}
    query = Query(fields, where) if where is not None else None
    runs = query.runs() if query is not None else np.arange(len(source.table))
    for key in reversed(sort):
        fact = fields.fact(fields.find(key.removeprefix("-")), runs)
        runs = runs[_order(fact, downwards=key.startswith("-"))]
    chosen = runs[:limit]
    return Listed(
        source,
        chosen,
        {column: fields.fact(name, chosen).listed() for column, name in names.items()},
        query.explain() if query is not None and not len(runs) else "",
    )


def list_points(store: Path, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Return what tells some runs of a store from one another, by their ids: see :attr:`Listed.points`.

    Raises:
        ResultsError: there is no such store or run.
    """
    source = open_source(store, ids)
    return dict(zip(source.table.ids.tolist(), _points(source, np.arange(len(source.table))), strict=True))


def list_fields(store: Path, experiment: str | None = None) -> list[Field]:
    """List everything that can be asked of the runs of a store, or of those of one experiment.

    Raises:
        ResultsError: there is no such store or experiment.
    """
    source = open_source(store)
    table = source.table if experiment is None else of_experiment(source.root, source.table, experiment)
    fields = Fields(source, table)
    known = [_describe(name, fields.fact(name)) for name in (*fields.facts, *fields.config)]
    return [*(field for field in known if field.runs), *_metrics(fields)]


def _points(source: Source, runs: Ints) -> list[dict[str, Any]]:
    """Return for each run its values at the keys that tell runs of its experiment from one another."""
    points: dict[int, dict[str, Any]] = {}
    experiments = source.table.fact("experiment").places
    for experiment in np.unique(experiments[runs]):
        places = np.sort(runs[experiments[runs] == experiment])
        commands = Commands(source.table.take(places), source.load_config)
        facts = {key: list(commands.fact(key)) for key in commands.told_by}
        for index, place in enumerate(places.tolist()):
            points[place] = {key: fact[index] for key, fact in facts.items() if fact[index] is not ABSENT}
    if source.configs is not None:
        source.configs.write()
    return [points[run] for run in runs.tolist()]


def _order(fact: Fact, *, downwards: bool) -> Ints:
    """Return the order of runs by their values, those without one last; equal ones stay in order."""
    ranked = sorted(range(len(fact.values)), key=lambda place: _rank(fact.values[place]))
    ranks = np.empty(len(ranked) + 1, np.int64)
    for rank, place in enumerate(ranked):
        before = ranked[rank - 1]
        same = rank > 0 and _rank(fact.values[place]) == _rank(fact.values[before])
        ranks[place] = ranks[before] if same else rank
    if downwards:
        ranks = -ranks
    ranks[-1] = len(ranked)  # where place -1 leads: nothing is known
    return np.argsort(ranks[fact.places], kind="stable")


def _rank(value: Any) -> tuple[int, Any]:
    """Return what orders values of all kinds: nothing, numbers, text, and the rest by its text."""
    if value is None:
        return 3, ""
    if isinstance(value, int | float):
        return 0, (math.isnan(value), value)
    return (1, value) if isinstance(value, str) else (2, shown(value))


def _describe(name: str, fact: Fact) -> Field:
    values = fact.used
    kinds = ["time"] if name in TIMES and values else [type(value).__name__ for value in values]
    kind = ", ".join(dict.fromkeys(_KINDS.get(kind, kind) for kind in kinds))
    return Field(name, kind, int(fact.present.sum()), len(values), tuple(map(shown, values[:_EXAMPLES])))


def _metrics(fields: Fields) -> Iterator[Field]:
    columns = {stream: fields.kinds(stream) for stream in fields.table.streams}
    for name, (stream, column, _) in fields.metrics.items():
        summaries = fields.table.streams[stream].columns
        having = summaries.mapped(columns.get(column, ABSENT) for columns in summaries.values)
        kind = ", ".join(sorted({"str": "text"}.get(kind, kind) for kind in columns[stream][column]))
        yield Field(name, kind, int(having.present.sum()), None, ())
