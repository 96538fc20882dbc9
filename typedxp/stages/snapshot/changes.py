"""Owns what differs between two snapshots: the files, and the lines in them, as git tells."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from typedxp.stages.snapshot.contents import Snapshot, open_snapshot
from typedxp.stages.snapshot.repository import quoted

# Nothing that a repository is configured with is run.
_SAFE = ("--no-ext-diff", "--no-textconv", "-r", "-M")
_STATES = {"A": "added", "D": "removed", "R": "renamed"}


@dataclass(frozen=True)
class ChangedFile:
    """A file that differs: ``added``, ``removed``, ``renamed`` (from ``before``) or ``changed``.

    ``insertions`` and ``deletions`` count lines; they are None for what is no text.
    """

    path: str
    state: str
    insertions: int | None
    deletions: int | None
    before: str | None = None


@dataclass(frozen=True)
class Changes:
    """What differs from the snapshot ``before`` to the snapshot ``after``."""

    before: Snapshot
    after: Snapshot

    def files(self) -> tuple[ChangedFile, ...]:
        """Return the files that differ, in order of path."""
        states = {path: (state, old) for state, old, path in _states(self._ask("--name-status", "-z"))}
        counted = _counts(self._ask("--numstat", "-z"))
        return tuple(ChangedFile(path, states[path][0], *counts, states[path][1]) for path, counts in counted)

    def patch(self, *, colour: bool = False) -> str:
        """Return the lines that differ, as a patch; of what is no text it only says that it differs."""
        return self._ask("-p", f"--color={'always' if colour else 'never'}")

    def _ask(self, *options: str) -> str:
        names = (f"{self.before.name}^{{tree}}", f"{self.after.name}^{{tree}}")
        command = self.after.repository.git
        told: bytes = command.diff_tree(*_SAFE, *options, *names, stdout_as_string=False, strip_newline_in_stdout=False)
        return told.decode("utf-8", "surrogateescape")


@contextmanager
def compare_snapshots(before: tuple[Sequence[Path], str], after: tuple[Sequence[Path], str]) -> Iterator[Changes]:
    """Compare two snapshots, each given by the repositories that may hold it, and its name.

    Raises:
        SnapshotError: one of them is gone, or git refuses.
    """
    with open_snapshot(*before) as old, open_snapshot(*after) as new:
        # Git compares what it finds in one place: that of the other one is lent to it.
        objects = os.fsdecode(quoted(os.fsencode(Path(old.repository.common_dir).resolve() / "objects")))
        new.repository.git.update_environment(GIT_ALTERNATE_OBJECT_DIRECTORIES=objects)
        yield Changes(old, new)


def _states(text: str) -> Iterator[tuple[str, str | None, str]]:
    words = iter(text.split("\0"))
    for letter in words:
        if letter:
            old = next(words) if letter[0] in "RC" else None
            yield _STATES.get(letter[0], "changed"), old, next(words)


def _counts(text: str) -> Iterator[tuple[str, tuple[int | None, int | None]]]:
    words = iter(text.split("\0"))
    for word in words:
        if word:
            insertions, deletions, path = word.split("\t", 2)
            if not path:
                _, path = next(words), next(words)
            yield path, (_count(insertions), _count(deletions))


def _count(text: str) -> int | None:
    return None if text == "-" else int(text)
