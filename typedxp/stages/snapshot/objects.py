"""Owns snapshots as git objects: a tree of all that is in a working tree, and a commit that holds it, kept by a ref.

.git/
  refs/typedxp/COMMIT       keeps the snapshot COMMIT from being collected as garbage
  typedxp/last.json         the last snapshot, so that one of an unchanged tree costs nothing; may be deleted

Equal trees make equal commits, for a snapshot has no parent, and always the same author and date. The snapshot of a
tree with nothing to commit is the commit itself. Where another repository lies in the tree, the snapshot names a
snapshot of that, which is kept in there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from typedxp.stages.snapshot.loose import Objects, write_reference
from typedxp.stages.snapshot.patching import patch_tree
from typedxp.stages.snapshot.repository import Repository, load_git
from typedxp.stages.snapshot.tree import Working
from typedxp.store.files import replace

_COMMIT = b"""tree %s
author typedxp <typedxp@localhost> 0 +0000
committer typedxp <typedxp@localhost> 0 +0000

A working tree as it was, kept by typedxp
"""
_MOMENT = 2_000_000_000
"""Nanoseconds within which the times of two versions of a file can be the same."""
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Kept:
    """A snapshot: the hash of its tree, and of the commit that holds it."""

    tree: str
    snapshot: str


def keep(working: Working) -> Kept:
    """Make a snapshot of a working tree, unless there is one.

    Raises:
        git.GitCommandError: a file cannot be read, or the repository cannot be written, twice.
        OSError: likewise.
    """
    links = {path: keep(inner).snapshot for path, inner in working.inner.items()}
    started = time.time_ns()
    key = _key(working, links)
    known = _recall(working.repository, key)
    if known is not None:
        return known
    try:
        made = _make(working, links)
    except (load_git().GitCommandError, OSError):
        # Who collects garbage at this moment removes directories that are empty, also those that were just made.
        made = _make(working, links)
    if _settled(working, started):
        _remember(working.repository, key, made)
    return made


def _make(working: Working, links: Mapping[str, str]) -> Kept:
    repository = working.repository
    if working.commit is not None and not working.dirty:
        made = Kept(_hash(repository.ask("rev-parse", f"{working.commit}^{{tree}}")), working.commit)
        # Nothing is lost if this cannot be written.
        with suppress(load_git().GitCommandError, OSError):
            _protect(repository, made.snapshot)
        return made
    objects = None if working.commit is None else Objects.beside(_common(repository), working.commit)
    tree = _patched(working, objects) or write_tree(working, links)
    commit = _write_commit(repository, _COMMIT % tree.encode(), objects)
    _protect(repository, commit)
    return Kept(tree, commit)


def _patched(working: Working, objects: Objects | None) -> str | None:
    git = load_git()
    # Of what goes wrong git tells more.
    with suppress(git.GitCommandError, git.ODBError, zlib.error, OSError):
        return None if objects is None else patch_tree(working, objects)
    return None


def _write_commit(repository: Repository, commit: bytes, objects: Objects | None) -> str:
    if objects is not None:
        return objects.write("commit", commit)
    return _hash(repository.ask("hash-object", "-t", "commit", "-w", "--stdin", told=commit))


def write_tree(working: Working, links: Mapping[str, str]) -> str:
    """Bring a copy of the index up to what is in the working tree, and make a tree of it."""
    gone = [change.path for change, facts in working.found if facts is None]
    there = [change.path for change, facts in working.found if facts is not None]
    update = ("update-index", "-z", "--add", "--remove", "--replace")
    with working.repository.copied() as repository:
        if gone:
            repository.ask(*update, "--force-remove", "--stdin", told=_lines(gone))
        if links:
            named = [f"160000 {commit} 0\t{path}" for path, commit in links.items()]
            repository.ask(*update, "--index-info", told=_lines(named))
        if there:
            repository.ask(*update, "--stdin", told=_lines(there))
        # Trees are hardly smaller when compressed. What a partial clone never fetched, is named by what the index says.
        return _hash(repository.ask("-c", "core.looseCompression=0", "write-tree", "--missing-ok"))


def _lines(words: list[str]) -> bytes:
    return b"".join(os.fsencode(word) + b"\0" for word in words)


def _protect(repository: Repository, commit: str) -> None:
    name = f"refs/typedxp/{commit}"
    if not _protected(repository, commit) and not write_reference(_common(repository), name, commit):
        repository.ask("update-ref", name, commit)


def _protected(repository: Repository, commit: str) -> bool:
    """Whether there is the ref; also False where its kind of storage is unknown here."""
    path = f"refs/typedxp/{commit}"
    try:
        return bool(repository.git.head.dereference_recursive(repository.git, path) == commit)
    except (ValueError, OSError):
        return False


def _key(working: Working, links: Mapping[str, str]) -> str:
    """Name by content all that decides about the snapshot of a working tree."""
    facts = [
        None if it is None else (it.st_mode, it.st_size, it.st_mtime_ns, it.st_ctime_ns, it.st_ino)
        for _, it in working.found
    ]
    with suppress(OSError):
        # How lines end, and how files are filtered.
        facts.append((0, 0, (_common(working.repository) / "config").stat().st_mtime_ns, 0, 0))
    return hashlib.sha256(repr((working.told, facts, sorted(links.items()))).encode()).hexdigest()


def _settled(working: Working, started: int) -> bool:
    """Whether no file can have changed since ``started`` without its times telling."""
    limit = started - _MOMENT
    return all(it is None or max(it.st_mtime_ns, it.st_ctime_ns) < limit for _, it in working.found)


def _common(repository: Repository) -> Path:
    return Path(repository.git.common_dir)


def _notes(repository: Repository) -> Path:
    return Path(repository.git.git_dir) / "typedxp" / "last.json"


def _recall(repository: Repository, key: str) -> Kept | None:
    try:
        noted = json.loads(_notes(repository).read_bytes())
        known = Kept(noted["tree"], noted["snapshot"])
        valid = noted["key"] == key and bool(_HASH.fullmatch(known.tree) and _HASH.fullmatch(known.snapshot))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return known if valid and _protected(repository, known.snapshot) else None


def _remember(repository: Repository, key: str, made: Kept) -> None:
    path = _notes(repository)
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        replace(path, json.dumps({"key": key, **asdict(made)}).encode())


def _hash(answer: bytes) -> str:
    return answer.decode("ascii").strip()
