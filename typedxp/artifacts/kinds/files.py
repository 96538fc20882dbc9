"""Owns what is copied as it is: files and directories of the user's, given as paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from typedxp.artifacts.copy import copy
from typedxp.artifacts.kinds.kind import Kind


def is_path(value: Any) -> bool:
    """Say whether ``value`` names something to copy; text does not, since it may be an artifact itself."""
    return isinstance(value, os.PathLike)


def _save(value: os.PathLike[str], path: Path) -> None:
    copy(Path(value), path)


def _load(path: Path) -> Path:
    return path


FILE = Kind("file", (), is_path, _save, _load, sequential=True)
DIRECTORY = Kind("directory", (), is_path, _save, _load)
