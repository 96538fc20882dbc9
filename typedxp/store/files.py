"""Owns how a file comes to be: whole, or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def replace(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write ``data`` to ``path`` so that no reader ever sees half of it.

    ``durable`` forces it to the disk first, so that not even a crash of the machine leaves less than the old file.

    Raises:
        OSError: the file cannot be written; what was there before is still there.
    """
    draft = f"{path.parent}/.{path.name}.{os.getpid()}.{threading.get_ident()}"
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            write_all(file, data)
            if durable:
                os.fsync(file)
        finally:
            os.close(file)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def overwrite(path: Path, data: bytes) -> None:
    """Write ``data`` over what is in a file, by one call: what is left to do where there is no room for a second file.

    Raises:
        OSError: there is no such file, or no room even so.
    """
    file = os.open(path, os.O_WRONLY)
    try:
        written = os.pwrite(file, data, 0)
        os.ftruncate(file, written)
        os.fsync(file)
    finally:
        os.close(file)


def synced_size(path: Path) -> int:
    """Force a file to the disk; return its size, in bytes.

    Raises:
        OSError: it cannot be read.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(file).st_size
        os.fsync(file)
    finally:
        os.close(file)
    return size


def write_all(file: int, data: bytes) -> None:
    """Write ``data`` by one call where the system takes it whole, which makes an append of a record atomic.

    Raises:
        OSError: nothing more could be written, for example because the disk is full.
    """
    written = os.write(file, data)
    while written < len(data):
        written += os.write(file, data[written:])


def reason(error: OSError) -> str:
    """Say in the system's words why it refused."""
    return error.strerror or str(error)


def sync_directory(path: Path) -> None:
    """Force to the disk which names there are in a directory.

    Raises:
        OSError: the system refuses.
    """
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
