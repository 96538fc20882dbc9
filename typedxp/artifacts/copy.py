"""Owns copying what the user has: by reference to the same blocks where the file system can, else byte by byte.

Never by hard link: a file that the user edits later would change in the artifact, too.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from typedxp.errors import RecordError

# From linux/fs.h: let two files share their blocks until one of them is written (btrfs, XFS, bcachefs, NFS 4.2).
_FICLONE = 0x40049409


def copy(source: Path, target: Path) -> None:
    """Copy a file or a directory; what links in it lead to is copied, so that the copy stands alone.

    A file keeps whether it can be executed, and nothing else that is not its bytes.

    Raises:
        RecordError: there is something that is neither, or links lead round in a circle.
        OSError: something cannot be read or written.
    """
    _copy(source, target, ())


def _copy(source: Path, target: Path, above: tuple[str, ...]) -> None:
    mode = source.stat().st_mode
    if stat.S_ISREG(mode):
        _copy_file(source, target, executable=bool(mode & stat.S_IXUSR))
        return
    if not stat.S_ISDIR(mode):
        raise RecordError(f"{source} is neither a file nor a directory: it cannot be an artifact.")
    real = os.path.realpath(source)
    if real in above:
        raise RecordError(f"{source} leads back to a directory that it lies in: it cannot be copied.")
    if any(Path(real) == parent for parent in Path(os.path.realpath(target)).parents):
        raise RecordError(f"{source} holds the artifacts themselves: it cannot be one of them.")
    target.mkdir()
    for entry in sorted(source.iterdir()):
        _copy(entry, target / entry.name, (*above, real))


def _copy_file(source: Path, target: Path, *, executable: bool) -> None:
    import shutil

    file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o777 if executable else 0o666)
    with os.fdopen(file, "wb", buffering=0) as writing, source.open("rb", buffering=0) as reading:
        try:
            fcntl.ioctl(file, _FICLONE, reading.fileno())
        except OSError:
            shutil.copyfileobj(reading, writing, 1 << 20)
