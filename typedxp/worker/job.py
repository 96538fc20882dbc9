"""Owns what one element of a scheduler's job executes: its runs, and the way back to the queue."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from typedxp.errors import ExecutionError
from typedxp.stages.execute.processes import Workers
from typedxp.store.directory import RunDirectory
from typedxp.store.jobs import JobDirectory
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.jobs import JobRecord
from typedxp.vocabulary.listing import listed
from typedxp.vocabulary.records import RunStatus
from typedxp.vocabulary.stopping import Stopped
from typedxp.vocabulary.telling import tell
from typedxp.worker.run import execute


def execute_job(job: JobDirectory, name: str | None, index: str | None) -> int:
    """Execute the runs of one element; ``name`` is what the scheduler calls it, ``index`` its place in an array.

    Returns the exit code of the runs, which is the job's: 0 if all completed. Runs that were asked to stop ahead of the
    time limit go back to the queue, if the profile says so. Without the secrets that they need, they fail.

    Raises:
        TypedxpError: the directory cannot be read, or there is no such element.
        KeyboardInterrupt: the runs were interrupted.
        Stopped: they were stopped by another signal.
    """
    record = job.read()
    numbers = _runs(record, index)
    runs = [job.run(number) for number in numbers if number not in record.withdrawn]
    if not runs:
        tell(f"{listed(numbers).capitalize()} cancelled, or submitted again: left alone.")
        return 1
    secrets = _secrets(record)
    if _told_missing(record, [run for run in runs if not _done(run)]):
        return 1
    try:
        if len(numbers) == 1:
            return execute(runs[0], secrets, name)
        return _one_after_the_other(runs, secrets, name)
    except Stopped:
        # It may have been cancelled meanwhile.
        record = job.read()
        if not _to_be_requeued(record, runs):
            _tell_exhausted(record, runs)
            raise
        _requeue(job, runs, name)


def _runs(record: JobRecord, index: str | None) -> Sequence[int]:
    try:
        place = int(index) - record.first if index is not None else 0
    except ValueError:
        place = -1
    if not 0 <= place < len(record.elements):
        raise ExecutionError(f"The job has no element {index}.")
    return record.elements[place].runs


def _secrets(record: JobRecord) -> dict[str, str]:
    named: Mapping[str, str] = record.profile.get("secrets", {})
    return {key: os.environ[variable] for key, variable in named.items() if variable in os.environ}


def _told_missing(record: JobRecord, runs: Sequence[RunDirectory]) -> bool:
    """Say of runs whose secrets are not there which variables were to hold them; return whether there are any."""
    named: Mapping[str, str] = record.profile.get("secrets", {})
    missing = {key: variable for key, variable in named.items() if variable not in os.environ}
    wanted = {key for run in runs for key in run.read_record().secrets if key in missing} if missing else set()
    if not wanted:
        return False
    variables = ", ".join(f"{missing[key]} (for {key})" for key in sorted(wanted))
    cause = (
        f"The job has no environment variable {variables}. Export it where you submit, or in `setup` of the profile if "
        "the scheduler does not pass the environment on; then: typedxp retry"
    )
    tell(cause)
    for run in runs:
        run.write_status(replace(run.read_status(), status=RunStatus.FAILED, end=now(), cause=cause))
    return True


def _one_after_the_other(runs: Sequence[RunDirectory], secrets: Mapping[str, str], name: str | None) -> int:
    """Execute several runs, each in a process of its own; those that an earlier start of the job has ended stay so."""
    workers = Workers(1, _nobody, name)
    for _ in workers.run([(run, secrets) for run in runs if not _done(run)], stop_on_error=False):
        pass
    return 0 if all(run.read_status().status is RunStatus.COMPLETED for run in runs) else 1


def _done(run: RunDirectory) -> bool:
    """Whether a run has ended by itself."""
    return run.read_status().status in (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.OUT_OF_MEMORY)


def _to_be_requeued(record: JobRecord, runs: Sequence[RunDirectory]) -> bool:
    most = _max_requeues(record) + record.attempts
    stopped = [status for run in runs if (status := run.read_status()).status is RunStatus.PREEMPTED]
    return _wanted(record, runs) and bool(stopped) and all(status.attempt <= most for status in stopped)


def _wanted(record: JobRecord, runs: Sequence[RunDirectory]) -> bool:
    return bool(record.profile.get("requeue")) and not any(run.id in record.withdrawn for run in runs)


def _max_requeues(record: JobRecord) -> int:
    return int(record.profile.get("max_requeues", 10))


def _tell_exhausted(record: JobRecord, runs: Sequence[RunDirectory]) -> None:
    """Say of runs that would have gone back to the queue why they did not."""
    for run in runs if _wanted(record, runs) else ():
        status, most = run.read_status(), _max_requeues(record)
        done = status.attempt - 1 - record.attempts
        if status.status is RunStatus.PREEMPTED and done >= most:
            often = f"requeued {done} time{'' if done == 1 else 's'}, and max_requeues is {most}"
            run.write_status(replace(status, cause=f"{status.cause}, {often}"))


def _requeue(job: JobDirectory, runs: Sequence[RunDirectory], name: str | None) -> NoReturn:
    """Become the process that talks to the scheduler, which takes more than a worker loads."""
    for run in runs:
        status = run.read_status()
        if status.status is RunStatus.PREEMPTED:
            run.write_status(replace(status, status=RunStatus.SUBMITTED, cause=f"{status.cause}, requeued"))
    left = [str(run.id) for run in runs if not _done(run)]
    sys.stdout.flush()
    sys.stderr.flush()
    module = ["-P", "-m", "typedxp.worker.requeue"]
    os.execv(sys.executable, [sys.executable, *module, str(job.path), name or "", *left])  # noqa: S606 - our own words


def _nobody(_: RunDirectory) -> None:
    """Hear that a run has started."""
