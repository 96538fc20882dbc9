"""Owns what a job script is written for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """What a script is written for.

    ``command`` is what starts the worker, up to the element; ``directory`` where it is started; ``output`` the
    directory of what the job prints. ``count`` is the number of elements, None if the job is no array.
    """

    name: str
    command: tuple[str, ...]
    directory: Path
    output: Path
    count: int | None = None
