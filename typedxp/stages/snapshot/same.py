"""Owns the question whether two snapshots hold the same code, or the same in those files that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from typedxp.errors import PlanError
from typedxp.stages.snapshot.contents import open_snapshot

Files = Mapping[str, tuple[int, str]]
"""The mode and the hash of each file of a snapshot, by its path."""


class Comparer:
    """Compares snapshots, trees or commits, in the repository at ``root``, by what git has of their files.

    ``paths`` are the files that count: files, directories, or patterns in which ``*`` stands for any characters, as git
    has them; all files, if there are none. ``known`` are the files of snapshots that git does not have.
    """

    def __init__(self, root: Path, paths: Sequence[str], known: Mapping[str, Files]) -> None:
        self._root = root
        self._paths = [path.removeprefix("./").rstrip("/") for path in paths]
        self._known = dict(known)

    def check(self, name: str) -> None:
        """Make sure that each of the paths stands for some file of a snapshot.

        Raises:
            PlanError: one does not; a misspelt one would never show a difference.
            SnapshotError: git does not know the snapshot.
        """
        files = self._files(name)
        for path in self._paths:
            if not any(_stands_for(path, file) for file in files):
                raise PlanError(
                    f"xp.code_paths: nothing in the code is called {path!r}. Paths are relative to {self._root}."
                )

    def differing(self, before: str, after: str) -> list[str]:
        """Return the paths of the files that count and differ, in order.

        Raises:
            SnapshotError: git does not know one of the snapshots.
        """
        if before == after:
            return []
        old, new = self._files(before), self._files(after)
        return sorted(path for path in {**old, **new} if old.get(path) != new.get(path) and self._counts(path))

    def _files(self, name: str) -> Files:
        if name not in self._known:
            with open_snapshot([self._root], name) as snapshot:
                self._known[name] = {entry.path: (entry.mode, entry.oid) for entry in snapshot.entries}
        return self._known[name]

    def _counts(self, file: str) -> bool:
        return not self._paths or any(_stands_for(path, file) for path in self._paths)


def _stands_for(path: str, file: str) -> bool:
    """Say whether a file is at a path, below it, or called as the pattern says."""
    return path in ("", ".", file) or file.startswith(f"{path}/") or fnmatchcase(file, path)
