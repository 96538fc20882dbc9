"""Owns what git says of a working tree: where it stands, and what in it is not committed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from typedxp.stages.snapshot.repository import Repository, find, load_git, untrusted
from typedxp.store.store import Store

if TYPE_CHECKING:
    import git

_STATUS = (
    "status",
    "--porcelain=v2",
    "--branch",
    "-z",
    "--no-ahead-behind",
    "--no-renames",
    "--untracked-files=all",
    "--ignore-submodules=none",
)
_WORDS = {"M": "modified", "T": "modified", "A": "added", "D": "deleted", "U": "unmerged", "?": "untracked"}
_GITLINK = "160000"
_NOTHING = "000000"
_IN_STORES = (".typedxp", "documents", "jobs")
"""What there is in a directory of runs besides the runs, which are called by numbers."""


@dataclass(frozen=True)
class Change:
    """A path, relative to the root, that is not as committed.

    ``staged`` and ``found`` are git's letters for what is in the index, and for what is in the working tree beyond
    that; ``.`` for no difference. ``repository`` is whether a repository lies there. ``mode`` is the one under which
    git would keep what lies there, in octal digits; empty for what is untracked. ``kept`` is the mode, and the hash, of
    what is in the index.
    """

    path: str
    staged: str
    found: str
    repository: bool = False
    mode: str = ""
    kept: tuple[str, str] | None = None

    @property
    def word(self) -> str:
        """What happened to the path, in a word."""
        return _WORDS.get(self.found if self.found != "." else self.staged, "modified")

    def __str__(self) -> str:
        return f"{self.word} {spell(self.path)}"


@dataclass(frozen=True)
class Working:
    """A working tree as git sees it. ``told`` is all that git said of it; ``inner`` are the repositories in it."""

    repository: Repository
    commit: str | None
    branch: str | None
    changes: tuple[Change, ...]
    told: bytes
    inner: Mapping[str, Working] = field(default_factory=dict)

    @property
    def dirty(self) -> bool:
        """Whether anything is not committed."""
        return bool(self.changes)

    @cached_property
    def found(self) -> tuple[tuple[Change, os.stat_result | None], ...]:
        """What is in the working tree and not in the index, each with its facts; None for a file that is gone."""
        root = os.fspath(self.repository.root)
        changed = (change for change in self.changes if change.found != "." and not change.repository)
        return tuple((change, _look_at(f"{root}/{change.path}", change)) for change in changed)

    def files(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield the path and the size, in bytes, of every file that is not as in the index; also of inner ones."""
        for change, facts in self.found:
            if facts is not None and stat.S_ISREG(facts.st_mode):
                yield f"{prefix}{change.path}", facts.st_size
        for path, working in self.inner.items():
            yield from working.files(f"{prefix}{path}/")


@contextmanager
def looked(place: Path, store: Path | None = None) -> Iterator[Working | None]:
    """Look at the working tree that ``place`` lies in; None outside of any. What runs in ``store`` hold is no code.

    Raises:
        git.GitCommandError: git refuses the repository.
        git.GitCommandNotFound: there is no git.
    """
    found = find(place)
    if found is None:
        yield None
        return
    with found, ExitStack() as stack:
        yield _look(Repository(found), store, stack)


def _look(repository: Repository, store: Path | None, stack: ExitStack) -> Working:
    told = repository.ask(*_STATUS, *_without(repository.root, store))
    records = [record for record in told.split(b"\0") if record]
    facts = dict(os.fsdecode(record).split(" ", 2)[1:] for record in records if record.startswith(b"# branch."))
    found = (_change(os.fsdecode(record)) for record in records if not record.startswith(b"# "))
    changes = tuple(_code(repository.root, found))
    commit, branch = facts["branch.oid"], facts["branch.head"]
    inner = {
        change.path: _look_inside(repository, change, stack)
        for change in changes
        if change.repository and change.found != "."
    }
    return Working(
        repository=repository,
        commit=None if commit == "(initial)" else commit,
        branch=None if branch == "(detached)" else branch,
        changes=changes,
        told=told,
        inner=inner,
    )


def _look_inside(outer: Repository, change: Change, stack: ExitStack) -> Working:
    opened: git.Repo = stack.enter_context(load_git().Repo(outer.root / change.path, expand_vars=False))
    # Git looks into submodules by itself, but not into repositories that just lie there.
    trusted = change.found != "?" and not outer.settings
    return _look(Repository(opened) if trusted else untrusted(opened), None, stack)


def _without(root: Path, store: Path | None) -> tuple[str, ...]:
    """Have git leave out the runs, where they lie in the working tree."""
    if store is None or not store.exists():
        return ()
    inside, top = store.resolve(), root.resolve()
    if inside == top or not inside.is_relative_to(top):
        return ()
    return "--", ":/", f":(top,exclude,literal){inside.relative_to(top)}"


def _code(root: Path, changes: Iterable[Change]) -> Iterator[Change]:
    """Leave out new files that are no code: what Python made, and runs, in whichever store of this working tree."""

    @cache
    def is_store(directory: str) -> bool:
        return Store(root / directory).cache.is_dir()

    def is_of_a_run(path: str) -> bool:
        parts = path.split("/")[:-1]
        # Whatever else lies in the directory of a store may be code, and in the root of the repository anything.
        places = (place for place, part in enumerate(parts) if place and (part.isdigit() or part in _IN_STORES))
        return any(is_store("/".join(parts[:place])) for place in places)

    for change in changes:
        if change.found != "?" or not (_is_bytecode(change) or is_of_a_run(change.path)):
            yield change


def _is_bytecode(change: Change) -> bool:
    """Tell whether Python made a new file of others: it is no code of its own, and comes and goes."""
    return "__pycache__" in Path(change.path).parts


def _change(record: str) -> Change:
    """Read an entry of `git status --porcelain=v2 -z`."""
    kind = record[0]
    if kind == "?":
        path = record[2:]
        return Change(path.rstrip("/"), "?", "?", repository=path.endswith("/"))
    if kind == "u":
        *_, mode, _, _, _, path = record.split(" ", 10)
        return Change(path, "U", "U", mode=mode)
    _, letters, _, _, staged, mode, _, name, path = record.split(" ", 8)
    inner = mode == _GITLINK and letters[1] != "D"
    return Change(path, letters[0], letters[1], inner, mode, None if staged == _NOTHING else (staged, name))


def _look_at(path: str, change: Change) -> os.stat_result | None:
    # What is deleted may seem to be there, behind a link that has taken the place of its directory.
    if change.found == "D":
        return None
    try:
        facts = os.lstat(path)
    except OSError:
        return None
    # Where versions are in conflict, a directory may have taken the place of the file.
    return None if stat.S_ISDIR(facts.st_mode) and change.mode != _GITLINK else facts


def spell(path: str) -> str:
    """Write a path so that it is one line of text, whatever it is made of."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text if text.isprintable() else repr(text)
