"""Owns the words of the queue: a job as it was submitted, and where each of its elements stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Word(StrEnum):
    """Where an element stands."""

    QUEUED = "QUEUED"
    HELD = "HELD"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"
    VANISHED = "VANISHED"

    @property
    def final(self) -> bool:
        """Whether the element has ended."""
        return self not in (Word.QUEUED, Word.HELD, Word.RUNNING)


@dataclass(frozen=True)
class Options:
    """What the lines of a job script ask for. Times are in seconds; ``array`` holds the index of each element.

    ``cpus`` and ``gpus`` are those of one element; ``gpu_ids`` are the GPUs to choose from. ``output`` is a pattern.
    """

    name: str
    output: str
    slots: int
    array: tuple[int, ...] | None = None
    parallel: int | None = None
    cpus: int | None = None
    gpus: int | None = None
    gpu_ids: tuple[str, ...] = ()
    time: float | None = None
    warn: float | None = None
    grace: float = 30.0
    requeue: bool | None = None
    hold: bool = False
    after: tuple[int, ...] = ()


@dataclass(frozen=True)
class QueuedJob:
    """A job as it was submitted: where it starts, and the mask of the files that it makes."""

    id: int
    directory: str
    umask: int
    options: Options

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What each element is called, in their order."""
        indices = self.options.array
        return (str(self.id),) if indices is None else tuple(f"{self.id}_{index}" for index in indices)


@dataclass(frozen=True)
class Record:
    """Where an element stands. Written whole: by the dispatcher, and by the shepherd of the element while it runs.

    ``pid`` is the shepherd, ``program`` what it has started; each with the time of its start, and ``boot`` tells one
    start of the machine from another. ``attempt`` counts how often the element was started.
    """

    word: Word
    attempt: int = 0
    boot: str = ""
    pid: int | None = None
    pid_start: str | None = None
    program: int | None = None
    program_start: str | None = None
    gpus: tuple[str, ...] = ()
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None
