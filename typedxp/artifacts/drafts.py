"""Owns how an artifact comes to be: a draft that only its writer knows, then one step that puts it in its place.

artifacts/
  a/b.npy         an artifact
  a/.b.npy.json   its record
  .drafts/        what is being written; `lock` is held while a draft takes its place
    x1y2/.lock    held as long as the writer lives, so that the drafts of killed ones are known
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from typedxp.errors import RecordError

_RENAME_EXCHANGE = 2
"""From linux/fs.h."""

# What rename says where a directory replaces something, or is replaced by something, that is not an empty directory.
_OCCUPIED = (errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST)


@contextmanager
def draft(root: Path) -> Iterator[Path]:
    """Give a new directory for a draft, and remove whatever is left in it; drafts of killed writers go as well.

    Raises:
        OSError: it cannot be made.
        RecordError: the directory of the drafts is a link.
    """
    import shutil

    with locked(root) as home:
        for other in os.scandir(home):
            if other.is_dir(follow_symlinks=False) and _abandoned(Path(other.path)):
                shutil.rmtree(other.path, ignore_errors=True)
        path = home / f"{os.getpid()}-{os.urandom(6).hex()}"
        path.mkdir()
        held = _lock(path / ".lock")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(held)


@contextmanager
def locked(root: Path) -> Iterator[Path]:
    """Be the only one, of all threads and processes, to change which artifacts there are. Gives the drafts' directory.

    A process that is killed lets go of it. File systems without locks are trusted to see one writer at a time.

    Raises:
        OSError: the directory is gone, or cannot be written.
        RecordError: the directory of the drafts is a link.
    """
    with suppress(FileExistsError):
        # Not its parents: the directory of a run that was removed is not made again.
        root.mkdir()
    home = root / ".drafts"
    with suppress(FileExistsError):
        home.mkdir()
    if home.is_symlink():
        raise RecordError(f"{home} is a link: remove it.")
    held = _lock(home / "lock")
    try:
        yield home
    finally:
        os.close(held)


@contextmanager
def opened(root: Path, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """Open the directory ``parts`` below ``root`` without following a link on the way, and give its descriptor.

    Raises:
        RecordError: a link, or something else that is no directory, is on the way.
        OSError: a directory is not there, or cannot be made.
    """
    directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=directory)
            above, directory = directory, _enter(directory, part)
            os.close(above)
        yield directory
    finally:
        os.close(directory)


def put(source: Path, name: str, parent: int) -> None:
    """Move a draft to ``name`` in the open directory ``parent``; what was there is left in the draft's place, or gone.

    A file is replaced in one step everywhere, a directory where the system can exchange two names (Linux, on local file
    systems). Elsewhere a directory is set aside first, as :func:`aside`, for the time between two renames.

    Raises:
        OSError: the system refuses; what was there before is still there.
    """
    try:
        os.replace(source, name, dst_dir_fd=parent)
    except OSError as error:
        if error.errno not in _OCCUPIED:
            raise
        if not _exchange(source, name, parent):
            os.rename(name, aside(name), src_dir_fd=parent, dst_dir_fd=parent)
            os.replace(source, name, dst_dir_fd=parent)
            os.rename(aside(name), source, src_dir_fd=parent)


def aside(name: str) -> str:
    """Return the name of a directory that is being replaced, where names cannot be exchanged."""
    return f".{name}.old"


def restore(name: str, parent: int, draft: Path) -> None:
    """Undo, or end, what a killed writer began when it had set a directory aside.

    Raises:
        OSError: the system refuses.
    """
    if not exists(aside(name), parent):
        return
    if exists(name, parent):
        os.rename(aside(name), draft / ".old", src_dir_fd=parent)
    else:
        os.rename(aside(name), name, src_dir_fd=parent, dst_dir_fd=parent)


def exists(name: str, parent: int) -> bool:
    """Say whether there is anything called ``name``, were it a link to nothing."""
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _enter(directory: int, part: str) -> int:
    try:
        return os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise RecordError(f"{part!r} is a link or a file, where a directory of artifacts should be.") from error
        raise


def _exchange(source: Path, name: str, parent: int) -> bool:
    """Exchange two names in one step, if this system can."""
    import ctypes

    system = ctypes.CDLL(None, use_errno=True)
    if not hasattr(system, "renameat2"):
        return False
    here = os.open(source.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        names = os.fsencode(source.name), os.fsencode(name)
        failed = system.renameat2(here, names[0], parent, names[1], ctypes.c_uint(_RENAME_EXCHANGE))
    finally:
        os.close(here)
    code = ctypes.get_errno()
    if failed and code not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise OSError(code, os.strerror(code), name)
    return not failed


def _lock(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _abandoned(path: Path) -> bool:
    """Say whether the writer of a draft is gone. Asked while nobody else makes one."""
    try:
        file = os.open(path / ".lock", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        # Killed before its lock was there, or while all was being removed.
        return True
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # Held, or this file system has no locks to tell by.
        return False
    finally:
        os.close(file)
    return True
