"""Owns how an element of a job goes back to the queue: as the scheduler has it, or else as a new job."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from typedxp.errors import TypedxpError
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import Shell, answered, local_shell
from typedxp.stages.submit import Work, submit
from typedxp.store.jobs import JobDirectory


def requeue(job: JobDirectory, name: str, runs: Sequence[int], shell: Shell = local_shell) -> int:
    """Bring runs of a job back to the queue; return the exit code that the job is to end with.

    Raises:
        TypedxpError: the scheduler refuses.
    """
    record = job.read()
    scheduler = get_scheduler(record.scheduler)
    if scheduler.requeue_code is not None:
        return scheduler.requeue_code
    command = scheduler.requeue_command(name) if name else None
    if command is not None:
        answered(shell(command))
        return 0
    profile = scheduler.profile.model_validate(record.profile)
    work = Work(record.name, Path(record.directory), record.python)
    made = list(submit(job.store, Cluster(scheduler, shell), profile, work, runs))
    refused = next((submitted.refused for _, submitted in made if submitted.refused is not None), None)
    if refused is not None:
        print(f"typedxp: The job was not requeued: {refused}", file=sys.stderr)
    return 1 if refused is not None else 0


def main(arguments: Sequence[str]) -> int:
    """Requeue as the worker asks for: the directory of the job, its name, and the runs."""
    directory, name, *runs = arguments
    try:
        return requeue(JobDirectory(Path(directory)), name, [int(run) for run in runs])
    except TypedxpError as error:
        print(f"typedxp: The job was not requeued: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
