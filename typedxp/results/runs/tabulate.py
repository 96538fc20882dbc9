"""Owns how what a source found of each run becomes a table of all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from typedxp.results.runs.table import NO_PLACE, Fact, Streamed, Table
from typedxp.results.sources.found import Found, FoundStream
from typedxp.vocabulary.records import StreamSummary
from typedxp.vocabulary.tree import ABSENT

POINT = "point."
"""Begins the name of the fact that is a run's value of a swept key."""
CHOICE = "choice."
"""Begins the name of the fact that is the option of a config group."""
CONFIG = "config"
"""The fact that is the whole config, known only where it was read anyway."""
COMMAND = "command"
"""The fact that names what launched a run together with others."""
DIGEST = "digest"
"""The fact that names the config of a run by its content."""
DIRECTORY = "directory"
"""The fact that is the directory of a run, below the root of its source."""


ARRAYS = "arrays"
"""The fact that is what a run kept of arrays, by artifact."""


def tabulate(runs: Sequence[Found], stamps: Iterable[int]) -> Table:
    """Make a table of runs in order of id."""
    columns = [_facts(run) for run in runs]
    names = dict.fromkeys(name for facts in columns for name in facts)
    streams = dict.fromkeys(name for run in runs for name in run.streams)
    return Table(
        np.array([run.id for run in runs], np.int64),
        np.fromiter(stamps, np.int64, len(runs)),
        {name: Fact.of(facts.get(name, ABSENT) for facts in columns) for name in names},
        {name: _tabulate_stream([run.streams.get(name) for run in runs]) for name in streams},
    )


def _facts(run: Found) -> dict[str, Any]:
    facts: dict[str, Any] = {DIRECTORY: run.directory, COMMAND: run.command}
    facts.update({name: value for name, value in run.facts.items() if value is not None})
    facts.update({POINT + key: value for key, value in run.point.items()})
    facts.update({CHOICE + key: value for key, value in run.choices.items()})
    if run.config is not None:
        facts[CONFIG] = run.config
        facts.setdefault(DIGEST, hashlib.sha256(orjson.dumps(run.config, default=str)).hexdigest()[:16])
    return facts


def _tabulate_stream(streams: Sequence[FoundStream | None]) -> Streamed:
    return Streamed(
        Fact.of(ABSENT if stream is None else stream.file for stream in streams),
        np.array([NO_PLACE if stream is None else stream.summary.records for stream in streams], np.int64),
        np.array([NO_PLACE if stream is None else stream.summary.bytes for stream in streams], np.int64),
        Fact.of(ABSENT if stream is None else _columns(stream.summary) for stream in streams),
        Fact.of(ABSENT if stream is None else _steps(stream.summary) for stream in streams),
    )


def _columns(summary: StreamSummary) -> Mapping[str, Any]:
    return {
        name: {"kinds": column.kinds, "full": column.records == summary.records, "sizes": column.sizes}
        for name, column in summary.columns.items()
    }


def _steps(summary: StreamSummary) -> Any:
    steps = summary.steps
    return ABSENT if steps is None else {"key": steps.key, "pieces": steps.pieces}
