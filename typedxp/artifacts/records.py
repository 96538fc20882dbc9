"""Owns the record of an artifact on disk: a JSON file beside it, named so that no artifact can be called the same."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import orjson

from typedxp.errors import ResultsError
from typedxp.store.files import write_all
from typedxp.vocabulary.artifacts import ARTIFACT_FORMAT, ArtifactRecord, restore_arrays

_TEXTS = ("name", "kind", "sha256", "saved")


def file_name(last: str) -> str:
    """Return the name of the file that holds the record of the artifact with this last part of its name."""
    return f".{last}.json"


def described(file: str) -> str | None:
    """Return the last part of the name of the artifact whose record is called ``file``, or None if it is no record."""
    return file[1 : -len(".json")] if file.startswith(".") and file.endswith(".json") and len(file) > 6 else None


def write(record: ArtifactRecord, last: str, parent: int, draft: Path) -> None:
    """Put a record, whole and on the disk, beside its artifact in the open directory ``parent``.

    Raises:
        OSError: it cannot be written; the one before is still there.
    """
    path = draft / ".record"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        write_all(file, orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        os.fsync(file)
    finally:
        os.close(file)
    os.replace(path, file_name(last), dst_dir_fd=parent)


def read(last: str, parent: int) -> ArtifactRecord | None:
    """Read a record, or None if there is none.

    Raises:
        ResultsError: it is damaged, or of a later format than this version knows.
        OSError: it cannot be read.
    """
    try:
        file = os.open(file_name(last), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    except FileNotFoundError:
        return None
    with os.fdopen(file, "rb") as opened:
        data = opened.read()
    try:
        return _record(orjson.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"The record of the artifact {last!r} is damaged: {error}.") from error


def _record(raw: dict[str, Any]) -> ArtifactRecord:
    if raw["format"] > ARTIFACT_FORMAT:
        raise ResultsError(
            f"The artifact {raw['name']!r} has format {raw['format']}, and this typedxp reads up to {ARTIFACT_FORMAT}: "
            "a later version wrote it."
        )
    known = {field.name: raw[field.name] for field in dataclasses.fields(ArtifactRecord) if field.name in raw}
    previous = _record(raw["previous"]) if raw.get("previous") else None
    record = ArtifactRecord(**known | {"previous": previous, "arrays": restore_arrays(raw.get("arrays", {}))})
    if not isinstance(record.size, int) or not all(isinstance(getattr(record, name), str) for name in _TEXTS):
        raise TypeError("a value has the wrong type")
    return record
