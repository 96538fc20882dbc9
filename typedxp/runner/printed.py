"""Owns where it is found what a job has printed beside its runs."""

from __future__ import annotations

from pathlib import Path

from typedxp.runner.following import Standing
from typedxp.schedulers.registry import get_scheduler


def job_output(standing: Standing) -> Path | None:
    """Return the file that holds what the job of a run has printed, and what its scheduler said; None if there is none.

    Raises:
        ProfileError: the scheduler is not known here.
    """
    job = standing.job
    if job is None or standing.name is None:
        return None
    place = standing.directory.path.parent / "jobs" / str(job.id)
    found = sorted(place.glob(get_scheduler(job.scheduler).output_file(standing.name)))
    return found[-1] if found else None
