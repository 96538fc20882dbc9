"""Owns the summing up of data that runs read: files and directories of any size, each read once for all runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from typedxp.artifacts.digest import Digest, digest_listing
from typedxp.artifacts.pointers import recorded_by_dvc, recorded_by_lfs
from typedxp.errors import RecordError
from typedxp.store.cache import cached, keep, settled
from typedxp.store.files import reason
from typedxp.vocabulary.inputs import InputRecord

Stamp = list[int]
"""By what a file is known to be unchanged: size, times of the last changes of content and of inode, and inode."""

Announce = Callable[[Path, int], None]
"""Is told of data that is about to be read, and of how many bytes."""

_SMALL = 64 * 2**10
"""Below so many bytes, a file is read at once."""

_LARGE = 64 * 2**20
"""From so many bytes on, several files are read at the same time."""


def sum_up_input(path: Path, announce: Announce | None = None) -> InputRecord:
    """Say what a file or a directory holds; links are followed. What is known from an earlier look is not read again.

    What DVC or git-lfs wrote down of it is taken instead, if its size agrees.

    Raises:
        RecordError: it is not there, cannot be read, or changes at this time.
    """
    path = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - as `InputPath` does
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            stamps = dict(sorted(_list(path), key=lambda item: os.fsencode(item[0])))
            size, count = sum(stamp[0] for stamp in stamps.values()), len(stamps)
        else:
            stamps, size, count = {"": _stamp(found)}, found.st_size, None
        newest = max((stamp[1] for stamp in stamps.values()), default=0)
        known, note = recorded_by_dvc(path, size, count, newest)
        known = known or (recorded_by_lfs(path) if size < 1024 and count is None else None)
        return known or replace(_read(path, stamps, count, announce), note=note)
    except OSError as error:
        raise RecordError(f"{error.filename or path} cannot be read: {reason(error)}.") from error


def _read(path: Path, stamps: dict[str, Stamp], count: int | None, announce: Announce | None) -> InputRecord:
    # Two files, since that of a directory with many files is large, and seldom wanted.
    name = os.fsdecode(os.fsencode(path))
    version = digest_listing((relative, Digest(0, " ".join(map(str, s)))) for relative, s in stamps.items()).sha256
    whole = cached("inputs", name)
    if isinstance(whole, dict) and whole.get("version") == version:
        return InputRecord(str(path), whole["size"], whole["digest"], files=count)
    earlier = (cached("inputs", f"{name}/*") or {}) if count is not None else {}
    digests = _digests(path, stamps, earlier, announce)
    if count is None:
        total = Digest(stamps[""][0], digests[""])
    else:
        total = digest_listing((relative, Digest(stamps[relative][0], one)) for relative, one in digests.items())
    if settled(*(max(stamp[1], stamp[2]) for stamp in stamps.values())):
        keep("inputs", name, {"path": name, "version": version, "size": total.size, "digest": total.sha256})
        if count is not None:
            keep("inputs", f"{name}/*", {relative: [*stamps[relative], one] for relative, one in digests.items()})
    return InputRecord(str(path), total.size, total.sha256, files=count)


def _digests(
    path: Path, stamps: dict[str, Stamp], earlier: dict[str, list[object]], announce: Announce | None
) -> dict[str, str]:
    """Return the SHA-256 of every file, in the order given; those that have not changed since earlier are not read."""
    known = {name: str(one[4]) for name, one in earlier.items() if one[:4] == stamps.get(name)}
    unknown = [name for name in stamps if name not in known]
    size = sum(stamps[name][0] for name in unknown)
    if announce is not None:
        announce(path, size)

    def read(name: str) -> str:
        return _digest(f"{path}/{name}" if name else str(path), stamps[name])

    if len(unknown) > 1 and size > _LARGE:
        # A late import, since few runs have so much data.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            known |= zip(unknown, pool.map(read, unknown), strict=True)
    else:
        known |= {name: read(name) for name in unknown}
    return {name: known[name] for name in stamps}


def _digest(path: str, stamp: Stamp) -> str:
    import hashlib

    try:
        # Not blocking, since somebody may have put a pipe where a file was.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        # Where git-annex has not fetched a file, the link is called by what it would hold.
        return hashlib.sha256(os.fsencode(Path(path).readlink())).hexdigest()
    with os.fdopen(file, "rb", buffering=0) as opened:
        # The buffer for a large file takes longer to make than a small file to read.
        small = stamp[0] < _SMALL
        digest = hashlib.sha256(opened.read(_SMALL)) if small else hashlib.file_digest(opened, "sha256")
        if opened.tell() != stamp[0] or _stamp(os.fstat(file)) != stamp:
            raise RecordError(f"{path} was changed while it was read: try again when nobody writes to it.")
    return digest.hexdigest()


def _list(directory: Path) -> Iterator[tuple[str, Stamp]]:
    """Yield every file below a directory by its relative path; a link to a directory that it lies in leads nowhere."""
    waiting: list[tuple[str, frozenset[str]]] = [("", frozenset({os.path.realpath(directory)}))]
    while waiting:
        relative, above = waiting.pop()
        with os.scandir(directory / relative) as entries:
            for entry in entries:
                name = f"{relative}/{entry.name}" if relative else entry.name
                if not entry.is_dir():
                    leads_nowhere = entry.is_symlink() and not Path(entry.path).exists()
                    yield name, _stamp(entry.stat(follow_symlinks=not leads_nowhere))
                elif not entry.is_symlink():
                    waiting.append((name, above))
                elif (real := os.path.realpath(entry.path)) not in above:
                    waiting.append((name, above | {real}))


def _stamp(found: os.stat_result) -> Stamp:
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
