"""Owns the promises about snapshots: what it costs to keep the code, beside git's own look at it."""

from __future__ import annotations

from tests.benchmarks.measure import Cost, told
from tests.benchmarks.promises import Row, python, times


def _cost(how: str, state: str) -> Cost:
    return Cost(python("snapshot.py", how, state), probe=told)


def _row(name: str, what: str, state: str, factor: float) -> Row:
    return Row(
        name=name,
        what=what,
        measured=_cost("ours", state),
        against="git status",
        reference=_cost("status", state),
        reaches=(times(factor),),
        repeats=9,
        prepare=(python("snapshot.py", "ours", state),),
    )


SNAPSHOTS = (
    _row("snapshot", "a snapshot of a clean tree of 5,000 files", "clean", 1.5),
    _row("snapshot-dirty", "the same with 20 changed files", "dirty", 2),
    _row("snapshot-again", "the same, kept before", "again", 1.2),
    Row(
        name="snapshot-stash",
        what="the same with 20 changed files, beside a stash",
        measured=_cost("ours", "dirty"),
        against="git stash create",
        reference=_cost("stash", "dirty"),
    ),
)
