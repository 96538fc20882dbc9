"""Owns which snapshots a repository keeps, and for whom.

.git/
  refs/typedxp/COMMIT      keeps a snapshot
  typedxp/stores/4f2a...   names a directory of runs that were launched from here; its time is that of the last launch
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from typedxp.stages.snapshot.repository import find, load_git
from typedxp.store.files import replace

_REFS = "refs/typedxp"


def note_store(common: Path, store: Path) -> None:
    """Write into the directory of a repository that runs of ``store`` come from it, so that their code is kept."""
    path = os.fsencode(store.expanduser().absolute())
    note = common / "typedxp" / "stores" / hashlib.sha256(path).hexdigest()[:16]
    with suppress(OSError):
        try:
            os.utime(note)
        except FileNotFoundError:
            note.parent.mkdir(parents=True, exist_ok=True)
            replace(note, path)


def forget_store(place: Path, store: Path) -> None:
    """Take back what :func:`note_store` wrote into the repository that ``place`` lies in."""
    for note, known in _notes(place):
        if known == store.expanduser().absolute():
            note.unlink(missing_ok=True)


def stores_of(place: Path) -> dict[Path, float]:
    """Return the directories of runs that come from a repository, with the time of the last launch, since 1970."""
    return {store: _time(note) for note, store in _notes(place)}


def kept_snapshots(place: Path) -> dict[str, float]:
    """Return the snapshots that a repository keeps, with the time since when, since 1970; 0 if that is not known."""
    repository = find(place)
    if repository is None:
        return {}
    with repository:
        names = repository.git.for_each_ref("--format=%(refname)", f"{_REFS}/").split()
        common = Path(repository.common_dir)
        return {name.removeprefix(f"{_REFS}/"): _time(common / name) for name in names}


def drop_snapshots(place: Path, snapshots: Iterable[str]) -> list[str]:
    """Let a repository keep these no longer; return those that git would not drop. Git removes them in its own time."""
    git = load_git()
    repository = find(place)
    if repository is None:
        return list(snapshots)
    refused = []
    with repository:
        for snapshot in snapshots:
            try:
                # Only if it is what its name says.
                repository.git.update_ref("-d", f"{_REFS}/{snapshot}", snapshot)
            except git.GitCommandError:
                refused.append(snapshot)
    return refused


def _notes(place: Path) -> list[tuple[Path, Path]]:
    repository = find(place)
    if repository is None:
        return []
    with repository:
        home = Path(repository.common_dir) / "typedxp" / "stores"
    found = []
    # What begins with a dot is being written.
    for note in home.glob("[!.]*"):
        with suppress(FileNotFoundError):
            found.append((note, Path(os.fsdecode(note.read_bytes()))))
    return found


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
