"""Owns the job script: directives, setup, the way to the checkout, and one command."""

from __future__ import annotations

from shlex import join, quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typedxp.schedulers.base import Scheduler
    from typedxp.schedulers.job import Job
    from typedxp.schedulers.profile import Profile


def render(scheduler: Scheduler, profile: Profile, job: Job) -> str:
    """Write a job script; it can be submitted by hand as it is.

    Raises:
        ProfileError: the scheduler cannot express something.
    """
    plain, element = scheduler.own_name
    name = f'--name "{plain if job.count is None else element}"'
    index = f' --element "${scheduler.task}"' if job.count is not None else ""
    exports = [f"export {variable}={quote(text)}" for variable, text in _variables(profile).items()]
    lines = [
        "#!/bin/bash",
        *scheduler.directives(profile, job),
        "",
        *scheduler.opening(job),
        *profile.setup,
        *exports,
        f"cd {quote(str(job.directory))} || exit 1",
        # Signals reach the program itself, and its exit code is the job's.
        f"exec {join([*profile.container, *job.command])} {name}{index}",
    ]
    return "\n".join(lines) + "\n"


def _variables(profile: Profile) -> dict[str, str]:
    # What a run is told of the time between a warning and its end.
    grace = {"TYPEDXP_GRACE": str(int(profile.warn.total_seconds()))} if profile.warn is not None else {}
    return {**grace, **profile.env}
