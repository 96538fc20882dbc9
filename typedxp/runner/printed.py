"""Owns what a job has printed beside its runs, and what its scheduler has written there."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from typedxp.schedulers.registry import get_scheduler
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.jobs import JobRecord

_END = 20_000
"""Bytes at the end of a file in which the scheduler's last words are looked for."""


def job_output(directory: RunDirectory, job: JobRecord, names: Iterable[str]) -> Path | None:
    """Return the file that holds what a job has printed for a run; None if there is none.

    ``names`` are those of its element, the latest first: some schedulers give a new one to what they start again.

    Raises:
        ProfileError: the scheduler is not known here.
    """
    place = directory.path.parent / "jobs" / str(job.id)
    scheduler = get_scheduler(job.scheduler)
    found = (file for name in names for file in sorted(place.glob(scheduler.output_file(name)), reverse=True))
    return next(found, None)


def killed_for_memory(directory: RunDirectory, job: JobRecord, names: Iterable[str]) -> str | None:
    """Return the line in which the scheduler says that it killed a job for its memory, if there is one.

    Raises:
        ProfileError: the scheduler is not known here.
    """
    words = get_scheduler(job.scheduler).memory_words
    file = job_output(directory, job, names) if words else None
    lines = _last_lines(file) if file is not None else []
    return next((line.strip() for line in lines if any(word in line for word in words)), None)


def _last_lines(file: Path) -> list[str]:
    # What cannot be read is no evidence.
    with suppress(OSError), file.open("rb") as source:
        source.seek(max(0, file.stat().st_size - _END))
        return source.read().decode("utf-8", "replace").splitlines()
    return []
