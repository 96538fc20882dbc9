"""Owns the way from a run to the files that it ran: which snapshot, and in which repositories to look for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typedxp.errors import SnapshotError
from typedxp.stages.snapshot.contents import Snapshot, open_snapshot
from typedxp.vocabulary.records import Code, RunRecord


def snapshot_of(record: RunRecord) -> str | None:
    """Name the snapshot that a run was launched from; None if none was kept."""
    code = record.code
    if code is None:
        return None
    # What was launched from a clean tree is in its commit, whoever kept it.
    return code.snapshot or code.tree or (code.commit if code.dirty is False else None)


def wanted_snapshot(record: RunRecord) -> str:
    """Name the snapshot that a run was launched from.

    Raises:
        SnapshotError: none was kept.
    """
    name = snapshot_of(record)
    if name is None:
        raise SnapshotError(f"Of the code of run {record.id} no snapshot was kept: {_why_not(record.code)}.")
    return name


def places_of(record: RunRecord, repository: Path | None = None) -> list[Path]:
    """Name the directories in whose repositories the snapshot of a run may be: the one given, or else where it was."""
    if repository is not None:
        return [repository]
    # Where a repository was moved, people often stand in it.
    return [*([Path(record.code.root)] if record.code else []), Path.cwd()]


@contextmanager
def open_code(record: RunRecord, repository: Path | None = None) -> Iterator[Snapshot]:
    """Open the snapshot that a run was launched from.

    Raises:
        SnapshotError: none was kept, or it is gone.
    """
    with open_snapshot(places_of(record, repository), wanted_snapshot(record)) as snapshot:
        yield snapshot


def _why_not(code: Code | None) -> str:
    if code is None:
        return "it was not launched from a git repository"
    return f"only that it was commit {code.commit} with changes beside it" if code.commit else "it had no commit"
