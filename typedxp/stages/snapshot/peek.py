"""Owns looking at the code as a snapshot would have it, without keeping anything."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from typedxp.stages.snapshot.objects import write_tree
from typedxp.stages.snapshot.repository import load_git, quoted
from typedxp.stages.snapshot.same import Files
from typedxp.stages.snapshot.tree import Working, looked
from typedxp.vocabulary.records import Code


@dataclass(frozen=True)
class Seen:
    """The code of a working tree: ``files`` are those of its tree, which git does not have; none if it has."""

    code: Code | None
    files: Files = field(default_factory=dict)


def peek(place: Path, store: Path) -> Seen:
    """Look at the working tree that ``place`` lies in; what the runs in ``store`` hold is no code.

    What is not committed in submodules is not looked at.
    """
    git = load_git()
    try:
        with looked(place, store) as working:
            return Seen(None) if working is None else _see(working)
    except (git.GitError, OSError, ValueError):
        # Whoever wants to run it will be told.
        return Seen(None)


def _see(working: Working) -> Seen:
    repository = working.repository
    code = Code(str(repository.root), working.commit, working.branch, working.dirty)
    if not working.dirty:
        return Seen(code)
    with TemporaryDirectory(prefix="typedxp-") as desk:
        # Git writes what is new there, and forgets it with us.
        objects = os.fsdecode(quoted(os.fsencode(Path(repository.git.common_dir).resolve() / "objects")))
        repository.git.git.update_environment(GIT_OBJECT_DIRECTORY=desk, GIT_ALTERNATE_OBJECT_DIRECTORIES=objects)
        inner = {path: found.commit for path, found in working.inner.items() if found.commit is not None}
        tree = write_tree(working, inner)
        lines = repository.ask("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0")[:-1]
    return Seen(
        Code(code.root, code.commit, code.branch, code.dirty, tree=tree),
        dict(_entry(os.fsdecode(line)) for line in lines),
    )


def _entry(line: str) -> tuple[str, tuple[int, str]]:
    facts, _, path = line.partition("\t")
    mode, _, oid = facts.split()
    return path, (int(mode, 8), oid)
