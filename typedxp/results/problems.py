"""Owns the warnings that readers give."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from types import FrameType

_OURS = (str(Path(__file__).parents[1]), "xarray")


class ResultsWarning(UserWarning):
    """Something of the results cannot be read, or is hidden by something newer; the rest is there."""


def warn(message: str) -> None:
    """Warn of something, at the line of the user's own code that asked for it."""
    warnings.warn(message, ResultsWarning, stacklevel=_depth())


def _depth() -> int:
    """Return how many calls there are between this module and the user's code."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to look at the callers
    depth = 1
    while frame is not None and _is_ours(frame.f_code.co_filename, str(frame.f_globals.get("__name__", ""))):
        frame, depth = frame.f_back, depth + 1
    return depth


def _is_ours(file: str, module: str) -> bool:
    return file.startswith(_OURS[0]) or module.partition(".")[0] == _OURS[1]
