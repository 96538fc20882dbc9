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
from typedxp.stages.execute.liveness import as_lost
from typedxp.store.directory import RunDirectory
from typedxp.store.jobs import jobs
from typedxp.store.store import Store
from typedxp.vocabulary.clock import now, spell_time
from typedxp.vocabulary.jobs import Element, JobRecord, JobState, JobStatus
from typedxp.vocabulary.records import RunStatus, Status

PATIENCE = 60.0
"""Seconds after the submission from which on a job that the scheduler does not know is lost."""
SUBMITTING = 120.0
"""Seconds that a scheduler may take to answer a submission; what has no job by then was never submitted."""
LAG = 30.0
"""Seconds for which a scheduler may believe that a job waits which has started."""
FORGOTTEN = "(forgotten)"
"""Stands where the scheduler's word would for how a job ended, if the scheduler does not know it any more."""

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
        # The run knows it even if a launch was killed before it could write it down.
        return self.element.name or self.status.job if self.element is not None else None

    @property
    def names(self) -> list[str]:
        """What the scheduler calls the element, the latest first: some give a new name to what they start again."""
        return [name for name in dict.fromkeys((self.status.job, self.name)) if name is not None]


def follow(
    store: Store, runs: Iterable[RunDirectory], warn: Callable[[str], None], shell: Shell = local_shell
) -> list[Standing]:
    """Return where runs stand, and write down what has come to an end. Every scheduler is asked once, about all.

    A scheduler that does not answer is told to ``warn``, and nothing is concluded from it.
    """
    standings = locate(store, runs, warn)
    answers = _ask([standing for standing in standings if unsettled(standing.status)], warn, shell)
    unwritable: list[str] = []
    settled = [_settled(one, answers, unwritable) if unsettled(one.status) else one for one in standings]
    if unwritable:
        # Those of a colleague, perhaps a thousand of them.
        more = f" (and {len(unwritable) - 1} more)" if len(unwritable) > 1 else ""
        warn(f"{unwritable[0]}{more}")
    return settled


def locate(store: Store, runs: Iterable[RunDirectory], warn: Callable[[str], None]) -> list[Standing]:
    """Return where runs stand by what is written down, and the last jobs that execute them; nobody is asked."""
    statuses = dict(_readable(runs, warn))
    homes = _executed_by(store, {directory.id for directory in statuses}, warn)
    return [Standing(directory, status, *homes.get(directory.id, ())) for directory, status in statuses.items()]


def _executed_by(store: Store, runs: set[int], warn: Callable[[str], None]) -> dict[int, tuple[JobRecord, Element]]:
    """Return the last job that each of the runs was submitted with, and the element of it."""
    found: dict[int, tuple[JobRecord, Element]] = {}
    for directory in jobs(store):
        try:
            record = directory.read()
        except StoreError as error:
            warn(str(error))
            continue
        found |= {run: (record, element) for element in record.elements for run in element.runs if run in runs}
    return found


def merge(status: Status, job: JobRecord, found: JobStatus | None, age: float, last_sign: str | None = None) -> Status:
    """Say where a run stands that has recorded ``status``, and whose job the scheduler has ``found`` to stand so.

    ``age`` is the number of seconds since the submission, ``last_sign`` when a run that was running last gave a sign of
    life: that is its end, if it has not said when that was. What the scheduler does not know any more is never called
    completed.
    """
    name = f"{job.scheduler} job {status.job or job.job}"
    if status.status is RunStatus.COMPLETED or (found is not None and found.state is JobState.UNKNOWN):
        return status
    if found is None:
        if status.status is not RunStatus.SUBMITTED or age < PATIENCE:
            return status
        cause = f"The run never started, and {job.scheduler} does not know its job {job.job} any more"
        return replace(status, status=RunStatus.LOST, end=now(), cause=cause)
    if not found.state.final:
        # What is in the queue again after it was executed will be gone on with; what has just started may seem to be.
        started = status.start is not None and _seconds_since(status.start) < LAG
        waits = found.state is not JobState.RUNNING and not (status.status is RunStatus.RUNNING and started)
        return replace(status, status=RunStatus.SUBMITTED, end=None) if waits else status
    if status.status.final and found.state not in _BY_FORCE:
        return replace(status, job_state=found.native)
    evidence = f"{name} has ended: {_evidence(found)}"
    cause = f"{evidence}. {status.cause}" if status.cause else evidence
    if not status.status.final and found.state in (JobState.COMPLETED, JobState.FAILED):
        silent = "never started" if status.status is RunStatus.SUBMITTED else "did not say how it ended"
        cause = f"{cause}, and the run {silent}"
    return replace(
        status,
        status=_WORDS[found.state],
        end=status.end or last_sign or now(),
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


def unsettled(status: Status) -> bool:
    """Whether the scheduler may know more of a run than it has recorded itself: that it will go on, for example."""
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


def _settled(standing: Standing, answers: Mapping[str, Mapping[str, JobStatus]], unwritable: list[str]) -> Standing:
    """Conclude where a run stands, and write it down, as far as that can be written: it may be a colleague's."""
    job = standing.job
    found = answers.get(job.scheduler, {}).get(standing.name or "") if job is not None else None
    try:
        after = _concluded(standing, found, known=job is not None and job.scheduler in answers)
    except OSError:
        # It was deleted just now.
        return standing
    try:
        after = write_if_same(standing.directory, standing.status, after)
    except (OSError, StoreError) as error:
        unwritable.append(f"{standing.directory.status_file} cannot be brought up to date: {error}")
    return replace(standing, status=after, found=found)


def _concluded(standing: Standing, found: JobStatus | None, *, known: bool) -> Status:
    """Say where a run stands; ``known`` is whether its scheduler has answered."""
    directory, status, job = standing.directory, standing.status, standing.job
    if job is None or job.job is None:
        return _without_job(directory, status, job)
    if not known:
        return status
    if status.status is RunStatus.RUNNING and (found is None or found.state is JobState.UNKNOWN):
        after = as_lost(directory, status)
    elif found is None and status.status.final:
        # One that is about to be requeued was not forgotten.
        return replace(status, job_state=FORGOTTEN) if _seconds_since(status.end or job.created) > PATIENCE else status
    else:
        age = _seconds_since(job.submitted or job.created)
        after = merge(status, job, _with_evidence(standing, job, found), age, _last_sign(directory, status))
        if status.status is RunStatus.SUBMITTED and after.status in (RunStatus.LOST, RunStatus.FAILED):
            # Why it never started, only the output of its job may tell.
            after = replace(after, cause=f"{after.cause}; see: typedxp logs {directory.id} --job")
    if directory.id in job.withdrawn and not status.status.final and after.status in (RunStatus.LOST, RunStatus.FAILED):
        # However its scheduler spells that.
        return replace(after, status=RunStatus.CANCELLED, cause=f"cancelled. {after.cause}")
    return after


def _last_sign(directory: RunDirectory, status: Status) -> str | None:
    """Return when a run that says it is running last gave a sign of life; who asks may come hours later."""
    if status.status is not RunStatus.RUNNING:
        return None
    last = spell_time(datetime.fromtimestamp(directory.status_file.stat().st_mtime, UTC))
    # The system's clock for files goes by ticks, and may be a little behind.
    return max(last, status.start or last)


def _with_evidence(standing: Standing, job: JobRecord, found: JobStatus | None) -> JobStatus | None:
    """Look into the output of a job that was killed: some schedulers tell only there that it was for its memory."""
    if found is None or found.state is not JobState.FAILED or found.signal != signal.SIGKILL:
        return found
    line = killed_for_memory(standing.directory, job, standing.names)
    return replace(found, state=JobState.OUT_OF_MEMORY, reason=line) if line is not None else found


def _without_job(directory: RunDirectory, status: Status, job: JobRecord | None) -> Status:
    """Say where a run stands that no scheduler knows of."""
    if status.status is not RunStatus.SUBMITTED:
        return as_lost(directory, status)
    if job is not None and job.left_out is not None:
        return replace(status, status=RunStatus.FAILED, end=now(), cause=job.left_out)
    since = directory.status_file.stat().st_mtime if job is None else datetime.fromisoformat(job.created).timestamp()
    if datetime.now(UTC).timestamp() - since < SUBMITTING:
        return status
    if job is None:
        place, again = directory.path.parent / "jobs", f"typedxp retry {directory.id} --profile NAME"
        cause = f"No job of it is in {place}: the launch ended before, or that was removed. To submit it: {again}"
    else:
        cause = "It was never submitted: the launch has ended before. To submit it: typedxp retry"
    return replace(status, status=RunStatus.LOST, end=now(), cause=cause)


def write_if_same(directory: RunDirectory, before: Status, after: Status) -> Status:
    """Write where a run stands, unless it has said something itself meanwhile; return what holds.

    Raises:
        OSError: it cannot be written.
        StoreError: the run is gone.
    """
    if after == before:
        return before
    # A network file system may show an old file to those who have not looked into its directory.
    next(directory.path.iterdir(), None)
    current = directory.read_status()
    if current != before:
        return current
    directory.write_status(after)
    return after


def _seconds_since(time: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()
