"""Owns the sha256 of files and directories, and their way to the disk.

What only saving or loading needs is imported late: every run imports this module, and few have artifacts at once.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 20
_POLL = 0.001


@dataclass(frozen=True)
class Digest:
    """The bytes of a file or directory, summed up."""

    size: int
    sha256: str


def digest(path: Path) -> Digest:
    """Sum up a file or a directory; links are never followed.

    Raises:
        OSError: it cannot be read, or is a link.
    """
    if not stat.S_ISDIR(path.lstat().st_mode):
        return _digest_file(path)
    return digest_listing((relative, _digest_file(file)) for relative, file in _files(path))


def digest_listing(files: Iterable[tuple[str, Digest]]) -> Digest:
    """Sum up what a directory holds: its files by relative path, in the order of their bytes."""
    import hashlib

    size, listing = 0, hashlib.sha256()
    for relative, found in files:
        size += found.size
        listing.update(b"%s  ./%s\n" % (found.sha256.encode(), _spell(relative)))
    return Digest(size, listing.hexdigest())


def written(save: Callable[[], None], path: Path, *, sequential: bool) -> Digest:
    """Let ``save`` write ``path``, force it to the disk, and sum it up at the same time.

    A ``sequential`` file is summed up while it grows, any other one while the disk takes it: hashing, writing and
    waiting for the disk all let other threads run.

    Raises:
        OSError: the disk does not take it.
        Exception: whatever ``save`` raises.
    """
    # A late import, since readers and runs without artifacts need no threads.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        if not sequential:
            save()
            summing = pool.submit(digest, path)
        else:
            finished = threading.Event()
            summing = pool.submit(_follow, path, finished)
            try:
                save()
            finally:
                finished.set()
        sync(path)
        return summing.result()


def sync(path: Path) -> None:
    """Force a file, or a directory with all that is in it, to the disk.

    Raises:
        OSError: the disk does not take it.
    """
    if path.is_dir():
        for directory, _, files in os.walk(path):
            for file in files:
                _sync(Path(directory, file))
            _sync(Path(directory))
    else:
        _sync(path)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _digest_file(path: Path) -> Digest:
    import hashlib

    # Not blocking, since somebody may have put a pipe where a file was.
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(file, "rb", buffering=0) as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        return Digest(opened.tell(), sha256)


def _follow(path: Path, finished: threading.Event) -> Digest:
    """Sum up a file that another thread is appending to, until it is ``finished``."""
    import hashlib

    while not path.exists() and not finished.is_set():
        finished.wait(_POLL)
    sha256, buffer = hashlib.sha256(), memoryview(bytearray(_CHUNK))
    with path.open("rb", buffering=0) as opened:
        while True:
            last = finished.is_set()
            if count := opened.readinto(buffer):
                sha256.update(buffer[:count])
            elif last:
                return Digest(opened.tell(), sha256.hexdigest())
            else:
                finished.wait(_POLL)


def _files(directory: Path) -> Iterator[tuple[str, Path]]:
    """Yield all that is no directory, by relative path, in the order of their bytes."""
    found = [
        path
        for parent, directories, files in os.walk(directory)
        for path in (Path(parent, name) for name in [*files, *directories])
        # A link to a directory is one of the directories here, and has to be noticed.
        if path.is_symlink() or not path.is_dir()
    ]
    for path in sorted(found, key=os.fsencode):
        yield str(path.relative_to(directory)), path


def _spell(relative: str) -> bytes:
    return os.fsencode(relative).replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
