"""Owns the files of a bundle, and the zip file they become: the same bytes for the same files, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp

from typedxp.errors import ResultsError
from typedxp.store.files import reason

_CHUNK = 1 << 20
FILE, PROGRAM, LINK = 0o100644, 0o100755, 0o120777


@dataclass(frozen=True)
class Part:
    """One file of a bundle. ``path`` is relative, with ``/``; ``size`` is in bytes; ``mode`` is that of Unix."""

    path: str
    size: int
    chunks: Callable[[], Iterable[bytes]]
    mode: int = FILE
    sha256: str | None = None


def data_part(path: str, data: bytes) -> Part:
    """Make a part of bytes that are here."""
    return Part(path, len(data), lambda: [data], sha256=hashlib.sha256(data).hexdigest())


def file_part(path: str, file: Path, sha256: str | None = None) -> Part:
    """Make a part of a file, which is read when the bundle is written."""
    return Part(path, file.stat().st_size, lambda: _read(file), sha256=sha256)


def write_zip(target: Path, parts: Iterable[Part]) -> int:
    """Write parts, sorted by path, into a zip file that is there when it is whole; return its size in bytes.

    Raises:
        ResultsError: a part cannot be read, or the file cannot be written; what was there before is still there.
    """
    try:
        descriptor, draft = mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                _write(file, sorted(parts, key=lambda part: part.path))
                os.fchmod(file.fileno(), 0o644)
            Path(draft).replace(target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ResultsError(f"{target} cannot be written: {reason(error)}.") from error
    return target.stat().st_size


def _write(file: object, parts: Iterable[Part]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:  # type: ignore[call-overload]  # any open file
        for part in parts:
            # Not when it was written, and by whom: the oldest time that zip can spell.
            entry = zipfile.ZipInfo(part.path, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = part.mode << 16
            entry.file_size = part.size
            with made.open(entry, "w") as opened:
                for chunk in part.chunks():
                    opened.write(chunk)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
