"""Owns where submitted runs stand: what their schedulers say, merged with what each run has recorded itself."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from typedxp.errors import ProfileError, SchedulerError, StoreError
from typedxp.runner.printed import killed_for_memory
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.stages.execute.liveness import lost, mark_lost
from typedxp.store.directory import RunDirectory
from typedxp.store.jobs import jobs
from typedxp.store.store import Store
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.jobs import Element, JobRecord, JobState, JobStatus
from typedxp.vocabulary.records import RunStatus, Status

PATIENCE = 60.0
"""Seconds after the submission from which on a job that the scheduler does not know is lost."""

_WORDS: Mapping[JobState, RunStatus] = {
    JobState.FAILED: RunStatus.FAILED,
    JobState.CANCELLED: RunStatus.CANCELLED,
    JobState.TIMEOUT: RunStatus.TIMEOUT,
    JobState.OUT_OF_MEMORY: RunStatus.OUT_OF_MEMORY,
    JobState.PREEMPTED: RunStatus.PREEMPTED,
    JobState.NODE_FAILED: RunStatus.LOST,
    # What has ended well has said so itself.
    JobState.COMPLETED: RunStatus.LOST,
}

_BY_FORCE = frozenset(_WORDS) - {JobState.FAILED, JobState.COMPLETED}
"""The ends of a job that the scheduler has brought about, and of which a run knows only the signal."""


@dataclass(frozen=True)
class Standing:
    """Where one run stands. ``job`` is the last that executes it, None if it was not submitted; ``found`` its state."""

    directory: RunDirectory
    status: Status
    job: JobRecord | None = None
    element: Element | None = None
    found: JobStatus | None = None

    @property
    def name(self) -> str | None:
        """What the scheduler calls the element that executes the run."""
        return self.element.name if self.element is not None else None


def follow(
    store: Store, runs: Iterable[RunDirectory], warn: Callable[[str], None], shell: Shell = local_shell
) -> list[Standing]:
    """Return where runs stand, and write down what has come to an end. Every scheduler is asked once, about all.

    A scheduler that does not answer is told to ``warn``, and nothing is concluded from it.

    """
    statuses = dict(_readable(runs, warn))
    homes = executed_by(store, {directory.id for directory in statuses})
    standings = [Standing(directory, status, *homes.get(directory.id, ())) for directory, status in statuses.items()]
    answers = _ask([standing for standing in standings if _open(standing.status)], warn, shell)
    return [_settled(standing, answers, warn) if _open(standing.status) else standing for standing in standings]


def executed_by(store: Store, runs: set[int]) -> dict[int, tuple[JobRecord, Element]]:
    """Return the last job that each of the runs was submitted with, and the element of it."""
    found: dict[int, tuple[JobRecord, Element]] = {}
    for directory in jobs(store):
        record = directory.read()
        found |= {run: (record, element) for element in record.elements for run in element.runs if run in runs}
    return found


def merge(status: Status, job: JobRecord, found: JobStatus | None, age: float) -> Status:
    """Say where a run stands that has recorded ``status``, and whose job the scheduler has ``found`` to stand so.

    ``age`` is the number of seconds since the submission. What the scheduler does not know any more is never called
    completed.
    """
    name = f"{job.scheduler} job {status.job or job.job}"
    if status.status is RunStatus.COMPLETED or (found is not None and found.state is JobState.UNKNOWN):
        return status
    if found is None:
        if status.status is not RunStatus.SUBMITTED or age < PATIENCE:
            return status
        cause = f"The run never started, and {job.scheduler} does not know its job {job.job} any more."
        return replace(status, status=RunStatus.LOST, end=now(), cause=cause)
    if not found.state.final:
        waits = found.state is not JobState.RUNNING
        # What is in the queue again after it was executed will be gone on with.
        return replace(status, status=RunStatus.SUBMITTED, end=None) if waits else status
    if status.status.final and found.state not in _BY_FORCE:
        return replace(status, job_state=found.native)
    evidence = f"{name} has ended: {_evidence(found)}"
    cause = f"{evidence}. {status.cause}" if status.cause else evidence
    if not status.status.final and found.state in (JobState.COMPLETED, JobState.FAILED):
        cause = f"{cause}, and the run did not say how it ended"
    return replace(
        status,
        status=_WORDS[found.state],
        end=status.end or now(),
        cause=cause,
        exit_code=found.exit_code if status.exit_code is None else status.exit_code,
        signal=status.signal or found.signal,
        job_state=found.native,
    )


def _evidence(found: JobStatus) -> str:
    """Quote what the scheduler said, each word once."""
    if not found.reason or found.reason.startswith(found.native):
        return found.reason or found.native
    return f"{found.native} ({found.reason})"


def cluster_for(job: JobRecord, shell: Shell) -> Cluster:
    """Return the cluster that a job was submitted to.

    Raises:
        ProfileError: its scheduler is not known here.
    """
    return Cluster(get_scheduler(job.scheduler), shell)


def _readable(runs: Iterable[RunDirectory], warn: Callable[[str], None]) -> Iterator[tuple[RunDirectory, Status]]:
    """Pass over runs whose status is damaged."""
    for directory in runs:
        try:
            yield directory, directory.read_status()
        except StoreError as error:
            warn(str(error))


def _open(status: Status) -> bool:
    """Whether the scheduler may know more of a run than it has recorded itself."""
    if status.status in (RunStatus.SUBMITTED, RunStatus.RUNNING):
        return True
    stopped = status.signal is not None or status.status is RunStatus.PREEMPTED
    return stopped and status.job is not None and status.job_state is None


def _ask(standings: Sequence[Standing], warn: Callable[[str], None], shell: Shell) -> dict[str, dict[str, JobStatus]]:
    """Ask each scheduler about all of its jobs; those that do not answer are not in the result."""
    asked: dict[str, dict[str, list[str]]] = {}
    for standing in standings:
        if standing.job is not None and standing.job.job is not None and standing.name is not None:
            asked.setdefault(standing.job.scheduler, {}).setdefault(standing.job.job, []).append(standing.name)
    answers = {}
    for scheduler, wanted in asked.items():
        try:
            answers[scheduler] = Cluster(get_scheduler(scheduler), shell).statuses(wanted)
        except (SchedulerError, ProfileError) as error:
            warn(f"{scheduler} cannot be asked: {error}")
    return answers


def _settled(
    standing: Standing, answers: Mapping[str, Mapping[str, JobStatus]], warn: Callable[[str], None]
) -> Standing:
    """Write down where a run stands, as far as that can be written: it may be a colleague's."""
    try:
        return _concluded(standing, answers)
    except OSError as error:
        warn(f"{standing.directory.status_file} cannot be brought up to date: {error}")
    cause = lost(standing.directory, standing.status)
    return replace(standing, status=replace(standing.status, status=RunStatus.LOST, cause=cause)) if cause else standing


def _concluded(standing: Standing, answers: Mapping[str, Mapping[str, JobStatus]]) -> Standing:
    directory, status, job = standing.directory, standing.status, standing.job
    if job is None or job.refused is not None or job.job is None:
        return replace(standing, status=_without_job(directory, status, job))
    if job.scheduler not in answers:
        return standing
    found = answers[job.scheduler].get(standing.name or "")
    if found is None and status.status is RunStatus.RUNNING:
        return replace(standing, status=mark_lost(directory, status))
    merged = merge(status, job, _with_evidence(standing, job, found), _age(job))
    return replace(standing, found=found, status=write_if_same(directory, status, merged))


def _with_evidence(standing: Standing, job: JobRecord, found: JobStatus | None) -> JobStatus | None:
    """Look into the output of a job that was killed: some schedulers tell only there that it was for its memory."""
    if found is None or found.state is not JobState.FAILED or found.signal != signal.SIGKILL or standing.name is None:
        return found
    line = killed_for_memory(standing.directory, job, standing.name)
    return replace(found, state=JobState.OUT_OF_MEMORY, reason=line) if line is not None else found


def _without_job(directory: RunDirectory, status: Status, job: JobRecord | None) -> Status:
    """Say where a run stands that no scheduler knows of."""
    if status.status is RunStatus.SUBMITTED:
        since = (
            directory.status_file.stat().st_mtime if job is None else datetime.fromisoformat(job.created).timestamp()
        )
        if datetime.now(UTC).timestamp() - since < PATIENCE:
            return status
        cause = "It was never submitted: the launch has ended before. To submit it: typedxp retry"
        return write_if_same(directory, status, replace(status, status=RunStatus.LOST, end=now(), cause=cause))
    return mark_lost(directory, status)


def write_if_same(directory: RunDirectory, before: Status, after: Status) -> Status:
    """Write where a run stands, unless it has said something itself meanwhile; return what holds."""
    if after == before:
        return before
    current = directory.read_status()
    if current != before:
        return current
    directory.write_status(after)
    return after


def _age(job: JobRecord) -> float:
    since = datetime.fromisoformat(job.submitted or job.created)
    return (datetime.now(UTC) - since).total_seconds()
