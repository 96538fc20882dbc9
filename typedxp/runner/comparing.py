"""Owns what differs between the makings of two runs: their code, their environments, their data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typedxp.errors import SnapshotError, StoreError
from typedxp.runner.snapshots import places_of, snapshot_of
from typedxp.runner.today import differing, environment_before
from typedxp.stages.snapshot.changes import ChangedFile, compare_snapshots
from typedxp.store.store import Store
from typedxp.vocabulary.differing import differing_facts
from typedxp.vocabulary.inputs import InputRecord
from typedxp.vocabulary.records import RunRecord

Inputs = Mapping[str, InputRecord]


@dataclass(frozen=True)
class CodeChanges:
    """The files that differ, and the lines in them as a patch; ``problem`` says why that cannot be told."""

    files: tuple[ChangedFile, ...] = ()
    patch: str = ""
    problem: str | None = None


@dataclass(frozen=True)
class Making:
    """What differs from one run to another; None where it was not recorded of both.

    ``environment`` are lines. ``data`` maps what differs of the inputs to what each run read.
    """

    code: CodeChanges | None
    environment: tuple[str, ...] | None
    data: dict[str, tuple[InputRecord | None, InputRecord | None]] | None


def compare_making(
    store: Path, before: int, after: int, repository: Path | None = None, *, patch: bool = True, colour: bool = False
) -> Making:
    """Compare what two runs were made of; ``repository`` is where their code is now, if it was moved."""
    opened = Store(store)
    old, new = (_record(opened, number) for number in (before, after))
    if old is None or new is None:
        return Making(None, None, None)
    read, now = (opened.run(number).logged_inputs() for number in (before, after))
    return Making(
        _code(old, new, repository, patch=patch, colour=colour),
        _environment(opened, old, new),
        _unlike({**old.inputs, **read}, {**new.inputs, **now}),
    )


def _record(store: Store, number: int) -> RunRecord | None:
    # Runs of other tools can be compared as well, of which less is known.
    with suppress(StoreError):
        return store.run(number).read_record()
    return None


def _code(old: RunRecord, new: RunRecord, repository: Path | None, *, patch: bool, colour: bool) -> CodeChanges | None:
    before, after = snapshot_of(old), snapshot_of(new)
    if before is None or after is None:
        return None
    if before == after or (old.code and new.code and old.code.tree and old.code.tree == new.code.tree):
        return CodeChanges()
    try:
        with compare_snapshots((places_of(old, repository), before), (places_of(new, repository), after)) as changes:
            return CodeChanges(changes.files(), changes.patch(colour=colour) if patch else "")
    except SnapshotError as error:
        return CodeChanges(problem=str(error))


def _environment(store: Store, old: RunRecord, new: RunRecord) -> tuple[str, ...]:
    before, after = (environment_before(store, store.run(record.id), record) for record in (old, new))
    if after is None:
        return tuple(differing_facts(old.environment, new.environment))
    return differing((old.environment, before), (new.environment, after))


def _unlike(old: Inputs, new: Inputs) -> dict[str, tuple[InputRecord | None, InputRecord | None]]:
    """Return the inputs that do not hold the same in both runs, wherever they lie."""
    pairs = {name: (old.get(name), new.get(name)) for name in {**old, **new}}
    return {name: pair for name, pair in pairs.items() if _content(pair[0]) != _content(pair[1])}


def _content(given: InputRecord | None) -> Any:
    return given and (given.algorithm, given.digest)
