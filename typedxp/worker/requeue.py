"""Owns how an element of a job goes back to the queue: as the scheduler has it, or else as a new job."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from typedxp.errors import SchedulerError, StoreError, TypedxpError
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import Shell, answered, local_shell
from typedxp.stages.submit import Work, enlist, submit
from typedxp.store.jobs import JobDirectory
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.jobs import JobRecord
from typedxp.vocabulary.records import RunStatus
from typedxp.vocabulary.telling import tell


def requeue(job: JobDirectory, name: str, runs: Sequence[int], shell: Shell = local_shell) -> int:
    """Bring runs of a job back to the queue; return the exit code that the job is to end with.

    Raises:
        TypedxpError: the scheduler refuses, or does not answer.
    """
    record = job.read()
    scheduler = get_scheduler(record.scheduler)
    if scheduler.requeue_code is not None:
        return scheduler.requeue_code
    command = scheduler.requeue_command(name) if name else None
    if command is not None:
        answered(shell(command))
    else:
        _submit_anew(Cluster(scheduler, shell), job, record, runs)
    return 0


def _submit_anew(cluster: Cluster, job: JobDirectory, record: JobRecord, runs: Sequence[int]) -> None:
    # What the job waited for has been.
    values = {key: value for key, value in record.profile.items() if key != "after"}
    profile = cluster.scheduler.profile.model_validate(values)
    work = Work(record.name, Path(record.directory), record.python, record.attempts)
    enlisted = enlist(job.store, cluster.scheduler, profile, work, runs)
    for _, made in submit(cluster, profile, enlisted):
        if made.refused is not None:
            raise SchedulerError(made.refused)
    # If the scheduler starts this one once more, that is one too many.
    job.withdraw(runs)


def main(arguments: Sequence[str], shell: Shell = local_shell) -> int:
    """Requeue as the worker asks for: the directory of the job, its name, and the runs."""
    place, name, *numbers = arguments
    job, runs = JobDirectory(Path(place)), [int(number) for number in numbers]
    try:
        return requeue(job, name, runs, shell)
    except TypedxpError as error:
        tell(f"The job was not requeued: {error}")
        _keep(job, runs, f"not requeued: {error}")
        return 1


def _keep(job: JobDirectory, runs: Sequence[int], cause: str) -> None:
    """Say of runs that they stay as they were stopped."""
    for number in runs:
        with suppress(StoreError, OSError):
            status = job.run(number).read_status()
            if status.status is RunStatus.SUBMITTED:
                stopped = replace(status, status=RunStatus.PREEMPTED, end=status.end or now(), cause=cause)
                job.run(number).write_status(stopped)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
