"""Owns the words for what a scheduler knows: jobs, their elements, and where each stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from typedxp.vocabulary.records import FORMAT


class JobState(StrEnum):
    """Where a job, or one element of an array, stands for its scheduler."""

    QUEUED = "queued"
    HELD = "held"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    PREEMPTED = "preempted"
    NODE_FAILED = "node_failed"
    UNKNOWN = "unknown"

    @property
    def final(self) -> bool:
        """Whether the job has ended. One that the scheduler does not know any more has not said so."""
        return self not in (JobState.QUEUED, JobState.HELD, JobState.RUNNING, JobState.UNKNOWN)


@dataclass(frozen=True)
class JobStatus:
    """Where one element stands, with the scheduler's own word for it.

    ``exit_code`` and ``signal`` are those of the job script, where the scheduler tells them. ``reason`` is what it says
    of why: in its words, and in one line.
    """

    state: JobState
    native: str
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Element:
    """What one element of a job executes: runs, by id, one after the other. ``name`` is the scheduler's for it."""

    runs: tuple[int, ...]
    name: str | None = None


@dataclass(frozen=True)
class JobRecord:
    """The content of job.json: one job that was given to a scheduler, or is about to be. Replaced whole.

    ``id`` is the number of its directory in the store, ``job`` what the scheduler calls it: None until it was
    submitted. ``first`` is the index of the first of the ``elements`` of an array; a job that is no ``array`` has one
    element. ``name`` is that of the job, ``directory`` where it is started, ``python`` the interpreter. ``refused`` is
    what the scheduler said instead of taking it; if it is ``unanswered``, it may have taken it. ``profile`` holds what
    the profile sets, as plain values. ``attempts`` is how often its runs had been started before, at most.
    ``withdrawn`` are runs that it is not to begin with any more: they were cancelled, or submitted again. Times are ISO
    8601 in UTC.
    """

    format: int = field(default=FORMAT, kw_only=True)
    id: int
    scheduler: str
    profile: Mapping[str, Any]
    name: str
    directory: str
    python: str
    elements: tuple[Element, ...]
    array: bool
    first: int
    created: str
    job: str | None = None
    submitted: str | None = None
    refused: str | None = None
    unanswered: bool = False
    attempts: int = 0
    withdrawn: tuple[int, ...] = ()

    @property
    def left_out(self) -> str | None:
        """Why its runs are not executed, as a part of a sentence; None if it was submitted, or is about to be."""
        return self.refused if self.refused is None or self.unanswered else f"not submitted: {self.refused}"
