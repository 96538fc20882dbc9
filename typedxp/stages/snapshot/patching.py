"""Owns the short way to the tree of a snapshot: the trees of the commit, in which is replaced what has changed.

It is for what is common: files that git keeps byte for byte. Whatever else there is needs git, and an index.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from typedxp.stages.snapshot.loose import Objects
from typedxp.stages.snapshot.repository import Asked, load_git, quoted
from typedxp.stages.snapshot.tree import Change, Working

_Entry = tuple[bytes, bytes]
"""The mode of a file, in octal digits, and the hash of what is in it."""
_Trees = dict[bytes, dict[bytes, _Entry]]
"""The entries of directories, by their names; the root is called ''."""

_TREE, _LINK, _FILE, _PROGRAM = b"40000", b"120000", b"100644", b"100755"
_ENTRY = re.compile(rb"(\d+) ([^\0]+)\0(.{20})", re.DOTALL)
_LARGE = 1 << 20
"""Bytes of a file that is better left to git, which does not take it into memory as a whole."""


def patch_tree(working: Working, objects: Objects) -> str | None:
    """Make the tree of what is in a working tree; None if it is not that simple.

    Raises:
        git.GitCommandError: git cannot keep a file.
        git.ODBError: GitPython cannot read a tree of the commit.
        OSError: a file cannot be read, or an object cannot be written.
    """
    commit = working.commit
    paths = {os.fsencode(change.path) for change in working.changes}
    directories = _above(paths)
    # Where a file has taken the place of a directory, or the other way round, the order matters.
    if working.inner or not paths.isdisjoint(directories) or any(map(_is_odd, paths)):
        return None
    # GitPython reads no others.
    if commit is None or objects.algorithm != "sha1":
        return None
    if not all(facts is None or _is_plain(change, facts) for change, facts in working.found):
        return None
    writing = _write_files(working)
    files = _read_files(working, objects)
    trees = _read_trees(objects.directory, commit, directories)
    names = [bytes.fromhex(name) for name in writing.answer().decode("ascii").split()]
    if names != [entry[1] for entry in files.values() if entry and entry[0] != _LINK]:
        return None
    _put(trees, {change.path: _entry(change) for change in working.changes if change.staged not in ".?U"})
    if not _tells_attributes(working.repository.root, trees):
        return None
    _put(trees, files)
    return _write_trees(trees, objects)


def _is_odd(path: bytes) -> bool:
    """Whether a path cannot be told to git on a line."""
    return b"\n" in path or b"\r" in path


def _is_plain(change: Change, facts: os.stat_result) -> bool:
    """Whether git would keep such a file under this mode; what it thinks of a new program depends on its settings."""
    if stat.S_ISLNK(facts.st_mode):
        return change.mode.encode() in (b"", _LINK)
    new = change.mode == "" and not facts.st_mode & stat.S_IXUSR
    return stat.S_ISREG(facts.st_mode) and facts.st_size < _LARGE and (new or change.mode.encode() in (_FILE, _PROGRAM))


def _above(paths: Iterable[bytes]) -> set[bytes]:
    """Return the directories that hold these paths, and those that hold them in turn."""
    directories = {b""}
    for path in paths:
        directory, _ = os.path.split(path)
        while directory not in directories:
            directories.add(directory)
            directory, _ = os.path.split(directory)
    return directories


def _read_trees(place: Path, commit: str, directories: Iterable[bytes]) -> _Trees:
    """Read what the commit has in these directories."""
    # In this process, while git writes the files in its own.
    database = load_git().GitDB(os.fspath(place))
    tree, _, _ = database.stream(bytes.fromhex(commit)).read().partition(b"\n")
    trees: _Trees = {b"": _read_tree(database, bytes.fromhex(tree.removeprefix(b"tree ").decode("ascii")))}
    # What is deeper has the longer path.
    for directory in sorted(filter(None, directories), key=len):
        above, name = os.path.split(directory)
        trees[directory] = _read_tree(database, trees[above][name][1]) if _is_directory(trees, directory) else {}
    return trees


def _read_tree(database: Any, name: bytes) -> dict[bytes, _Entry]:
    return {path: (mode, oid) for mode, path, oid in _ENTRY.findall(database.stream(name).read())}


def _is_directory(trees: _Trees, path: bytes) -> bool:
    above, name = os.path.split(path)
    return path == b"" or trees[above].get(name, (b"", b""))[0] == _TREE


def _entry(change: Change) -> _Entry | None:
    return change.kept and (change.kept[0].encode(), bytes.fromhex(change.kept[1]))


def _put(trees: _Trees, entries: Mapping[str, _Entry | None]) -> None:
    for path, entry in entries.items():
        directory, name = os.path.split(os.fsencode(path))
        if entry is None:
            trees[directory].pop(name, None)
        else:
            trees[directory][name] = entry


def _tells_attributes(root: Path, trees: _Trees) -> bool:
    """Whether the files are there that say how others are kept; git may know them from its index alone."""
    return all(
        os.path.lexists(root / os.fsdecode(directory) / ".gitattributes")
        for directory, entries in trees.items()
        if b".gitattributes" in entries
    )


def _read_files(working: Working, objects: Objects) -> dict[str, _Entry | None]:
    """Say what would be kept of what is not in the index, if git kept every file byte for byte."""
    entries: dict[str, _Entry | None] = {}
    for change, facts in working.found:
        if facts is None:
            entries[change.path] = None
            continue
        path = working.repository.root / change.path
        if stat.S_ISLNK(facts.st_mode):
            mode, name = _LINK, objects.write("blob", os.fsencode(path.readlink()))
        else:
            mode, name = change.mode.encode() or _FILE, objects.name("blob", path.read_bytes())
        entries[change.path] = (mode, bytes.fromhex(name))
    return entries


def _write_files(working: Working) -> Asked:
    """Have git keep each file that is not in the index, and print the names of what it keeps, in their order."""
    files = (change.path for change, facts in working.found if facts is not None and stat.S_ISREG(facts.st_mode))
    told = b"".join(quoted(os.fsencode(path)) + b"\n" for path in files)
    return working.repository.start("hash-object", "-w", "--stdin-paths", told=told)


def _write_trees(trees: _Trees, objects: Objects) -> str:
    # What lies in a directory is written before it.
    for directory in sorted(filter(None, trees), key=len, reverse=True):
        above, name = os.path.split(directory)
        if trees[directory]:
            trees[above][name] = (_TREE, bytes.fromhex(_write_tree(trees[directory], objects)))
        elif _is_directory(trees, directory):
            del trees[above][name]
    return _write_tree(trees[b""], objects)


def _write_tree(entries: Mapping[bytes, _Entry], objects: Objects) -> str:
    # Git sorts a directory as if its name ended with a slash.
    ordered = sorted((name + b"/" if mode == _TREE else name, name, mode, oid) for name, (mode, oid) in entries.items())
    return objects.write("tree", b"".join(b"%s %s\0%s" % (mode, name, oid) for _, name, mode, oid in ordered))
