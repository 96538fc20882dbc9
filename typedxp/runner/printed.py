"""Owns what a job has printed beside its runs, and what its scheduler has written there."""

from __future__ import annotations

from pathlib import Path

from typedxp.schedulers.registry import get_scheduler
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.jobs import JobRecord

_END = 20_000
"""Bytes at the end of a file in which the scheduler's last words are looked for."""


def job_output(directory: RunDirectory, job: JobRecord, name: str) -> Path | None:
    """Return the file that holds what the element ``name`` of a job has printed; None if there is none.

    Raises:
        ProfileError: the scheduler is not known here.
    """
    place = directory.path.parent / "jobs" / str(job.id)
    found = sorted(place.glob(get_scheduler(job.scheduler).output_file(name)))
    return found[-1] if found else None


def killed_for_memory(directory: RunDirectory, job: JobRecord, name: str) -> str | None:
    """Return the line in which the scheduler says that it killed a job for its memory, if there is one.

    Raises:
        ProfileError: the scheduler is not known here.
    """
    words = get_scheduler(job.scheduler).memory_words
    file = job_output(directory, job, name) if words else None
    if file is None:
        return None
    with file.open("rb") as source:
        source.seek(max(0, file.stat().st_size - _END))
        lines = source.read().decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in lines if any(word in line for word in words)), None)
