"""Owns files of the cache that are believed only if their sum is right: the CRC-32 of the rest is their first line."""

from __future__ import annotations

import zlib
from pathlib import Path

from typedxp.store.files import replace


def write_sealed(path: Path, data: bytes) -> None:
    """Write a file of a folder of the cache, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    # Not all its parents: a store that was removed in the meantime does not come back.
    path.parent.parent.mkdir(exist_ok=True)
    path.parent.mkdir(exist_ok=True)
    replace(path, b"%08x\n%s" % (zlib.crc32(data), data))


def read_sealed(path: Path) -> bytes:
    """Return what was written.

    Raises:
        OSError: there is nothing.
        ValueError: it is damaged.
    """
    crc, _, data = path.read_bytes().partition(b"\n")
    if int(crc, 16) != zlib.crc32(data):
        raise ValueError(f"{path} is damaged")
    return data
