"""Owns the words for data that runs read: the type of a field that names some, and what is written down of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PosixPath
from typing import Any


class InputPath(PosixPath):
    """A path of data that a run reads, as the type of a field of a config: ``data: InputPath = InputPath("data.csv")``.

    There must be a file or a directory that can be read, and it becomes absolute. What it holds is recorded in
    ``run.json``, by its SHA-256, once for all runs of a sweep.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Tell pydantic to take whatever it takes for a path, and to make sure that something is there."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls._found, handler.generate_schema(Path))

    @classmethod
    def _found(cls, given: Path) -> InputPath:
        from pydantic_core import PydanticCustomError

        path = cls(os.path.abspath(given.expanduser()))  # noqa: PTH100 - without `..`, which means another place elsewhere
        if problem := _problem(path):
            raise PydanticCustomError("input_path", "{problem}", {"problem": problem})
        return path


def _problem(path: Path) -> str | None:
    """Say what is wrong with a path as one of data, if anything is."""
    if path.is_symlink() and not path.exists():
        annexed = " Its content is not here: git annex get." if ".git/annex/" in str(path.readlink()) else ""
        return f"{path} is a link to nothing.{annexed}"
    if not path.exists():
        return f"There is no file or directory {path}"
    if not (path.is_file() or path.is_dir()):
        return f"{path} is neither a file nor a directory"
    return None if os.access(path, os.R_OK) else f"{path} cannot be read: permission denied"


@dataclass(frozen=True)
class InputRecord:
    """What is known of a file or directory that a run reads.

    ``path`` is absolute. ``size`` is in bytes, of a directory that of all its ``files`` together, which are none for a
    file. ``algorithm`` says what ``digest`` is, in hexadecimal digits: ``sha256``, of a directory that of its sorted
    listing in the format of ``sha256sum``, a line ``<sha256>  ./<path>`` per file; or what a tool wrote down, as
    ``md5`` of DVC. ``source`` is that tool, if the bytes were not read. ``note`` says in words what is odd.
    """

    path: str
    size: int
    digest: str
    algorithm: str = "sha256"
    files: int | None = None
    source: str | None = None
    note: str | None = None


def restore_inputs(raw: Mapping[str, Mapping[str, Any]]) -> dict[str, InputRecord]:
    """Make records again of what JSON holds of them; what a later version added is passed over.

    Raises:
        KeyError, TypeError, AttributeError: something is missing, or is not what it should be.
    """
    return {
        name: InputRecord(
            path=one["path"],
            size=one["size"],
            digest=one["digest"],
            algorithm=one.get("algorithm", "sha256"),
            files=one.get("files"),
            source=one.get("source"),
            note=one.get("note"),
        )
        for name, one in raw.items()
    }
