"""Owns what differs between runs: what they were given, what they came from, and how far they came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typedxp.errors import ResultsError, StoreError
from typedxp.results.layout.labels import identity
from typedxp.results.runs.fields import Fields
from typedxp.results.runs.moments import TIMES
from typedxp.results.sources.choose import open_source
from typedxp.store.store import Store

Values = dict[str, list[Any]]
"""The value of each run by the name of a field; None where it has none."""

# They name a run or its command, or differ between any two.
_EXPECTED = {"run", "sweep", "digest", "job", "user_time", "system_time", *TIMES}


@dataclass(frozen=True)
class Differences:
    """What differs between ``runs``: values of their configs and facts; and the last value of every metric."""

    runs: list[int]
    config: Values
    facts: Values
    metrics: Values


def compare_runs(store: Path, runs: Sequence[int]) -> Differences:
    """Compare runs of a store.

    Raises:
        ResultsError: there is no such store or no such run, or one is damaged.
    """
    source = open_source(store, runs)
    fields = Fields(source, source.table)
    known = {run: place for place, run in enumerate(source.table.ids.tolist())}
    if missing := [run for run in runs if run not in known]:
        raise ResultsError(f"Run {missing[0]} of {store} cannot be compared: what is recorded of it is damaged.")
    places = [known[run] for run in runs]

    def values(names: Iterable[str], prefix: str = "", suffix: str = "") -> Values:
        found = {name: fields.fact(name).listed() for name in names}
        return {
            name.removeprefix(prefix).removesuffix(suffix): [listed[place] for place in places]
            for name, listed in found.items()
        }

    facts = values(name for name in fields.facts if name not in _EXPECTED)
    return Differences(
        list(runs),
        _different(values(fields.config, "config.")),
        _different({**facts, "overrides": [_overrides(store, run) for run in runs]}),
        values((name for name in fields.metrics if name.endswith(".last")), "metrics.", ".last"),
    )


def _different(values: Values) -> Values:
    return {name: found for name, found in values.items() if len(set(map(identity, found))) > 1}


def _overrides(store: Path, run: int) -> list[str] | None:
    """Return what the command of a run said, where we recorded it."""
    with suppress(StoreError):
        return list(Store(store).run(run).read_record().overrides)
    return None
