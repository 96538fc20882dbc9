"""Owns the step from runs that have their directories to jobs of a scheduler: one array, or as few as it takes.

What is to be submitted is written down first, with how: whatever ends a submission, all that it has left out can be
submitted later.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from typedxp.errors import ProfileError, SchedulerError, StoreError
from typedxp.schedulers.base import Cluster, Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.script import render
from typedxp.schedulers.shell import Unanswered
from typedxp.store.jobs import JobDirectory, take_job
from typedxp.store.store import Store
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.jobs import Element, JobRecord
from typedxp.vocabulary.telling import tell

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

INTERRUPTED = "the submission was interrupted"
"""Stands in the record of what was not submitted, where a scheduler's refusal would stand."""

Enlisted = tuple[JobDirectory, JobRecord]
"""A job, and what is written down of it."""


@dataclass(frozen=True)
class Work:
    """What the jobs of one command have in common: a name, the directory they start in, and the interpreter.

    ``attempts`` is how often the runs were started before, at most.
    """

    name: str
    directory: Path
    python: str
    attempts: int = 0


def enlist(store: Store, scheduler: Scheduler, profile: Profile, work: Work, runs: Sequence[int]) -> Enlisted:
    """Write down which runs are about to be submitted, and how.

    Raises:
        StoreError: that cannot be written.
    """
    elements = tuple(Element(tuple(runs[at : at + profile.pack])) for at in range(0, len(runs), profile.pack))
    record = JobRecord(
        id=0,
        scheduler=scheduler.name,
        profile=profile.plain(),
        name=work.name,
        directory=str(work.directory),
        python=work.python,
        elements=elements,
        array=False,
        first=0,
        created=now(),
        attempts=work.attempts,
    )
    return _written(store, _of(record, scheduler, elements))


def submit(cluster: Cluster, profile: Profile, enlisted: Enlisted) -> Generator[Enlisted]:
    """Submit what was enlisted as one array, or as several if it is larger than the scheduler takes.

    One element is a plain job. Yields every job as soon as it was taken. One that was refused says so in its record,
    and is the last: it holds all runs that were not submitted. So does the last one if this is closed before its end.

    Raises:
        ProfileError: the scheduler cannot express the profile.
        StoreError: the jobs cannot be recorded; what was not, is not in the queue.
    """
    directory, record = enlisted
    largest = profile.max_array or len(record.elements)
    parallel = profile.parallel
    try:
        while True:
            # Until they were taken, the job has all elements that wait: the first of them are as good as all.
            part = record.elements[:largest]
            share = _share(parallel, -(-len(record.elements) // largest))
            answer = _submitted(cluster, profile.model_copy(update={"parallel": share}), directory, record, len(part))
            if isinstance(answer, SchedulerError):
                limit = _limit(cluster, profile, len(part))
                if limit is not None:
                    largest = limit
                    _tell_unshared(profile, len(record.elements), limit)
                    continue
                record = _refused(record, answer)
                directory.write(record)
                yield directory, record
                return
            made, rest = _parted(cluster, directory, record, answer)
            parallel = parallel - share if parallel is not None and share is not None else None
            directory, record = rest or made
            yield made
            if rest is None:
                return
    finally:
        if record.job is None and record.refused is None:
            with suppress(StoreError):
                directory.write(replace(record, refused=INTERRUPTED))


def write_script(cluster: Cluster, profile: Profile, work: Work, count: int | None, directory: Path) -> str:
    """Write the script of a job of ``count`` elements whose directory is ``directory``.

    Raises:
        ProfileError: the scheduler cannot express the profile, or more arrays than may have an element at a time.
    """
    if profile.max_array is not None and not _shared(profile, count or 1, profile.max_array):
        raise ProfileError(f"{_unshared(profile, count or 1, profile.max_array)}: raise `parallel` or `max_array`.")
    command = (work.python, "-P", "-m", "typedxp.worker", "--job", str(directory))
    job = Job(profile.name or work.name, command, work.directory, directory, count)
    return render(cluster.scheduler, profile, job)


def _of(record: JobRecord, scheduler: Scheduler, elements: Sequence[Element]) -> JobRecord:
    """Make the record of a job for some of the elements."""
    array = len(elements) > 1
    first = scheduler.first if array else 0
    return replace(record, elements=tuple(elements), array=array, first=first, created=now())


def _written(store: Store, record: JobRecord) -> Enlisted:
    directory = take_job(store)
    record = replace(record, id=directory.id)
    directory.write(record)
    return directory, record


def _share(parallel: int | None, arrays: int) -> int | None:
    """Let several arrays share how many elements may run at the same time: return the part of the first."""
    return max(1, -(-parallel // arrays)) if parallel is not None else None


def _shared(profile: Profile, count: int, largest: int) -> bool:
    """Whether the arrays of ``count`` elements can share ``parallel``: each runs one element at least."""
    return profile.parallel is None or profile.parallel >= -(-count // largest)


def _unshared(profile: Profile, count: int, largest: int) -> str:
    arrays = -(-count // largest)
    return f"{count} elements are {arrays} arrays of {largest} at most, which cannot share parallel={profile.parallel}"


def _tell_unshared(profile: Profile, count: int, largest: int) -> None:
    if not _shared(profile, count, largest):
        often = f"up to {-(-count // largest)} run at the same time, one of each"
        tell(f"{_unshared(profile, count, largest)}: {often}.")


def _limit(cluster: Cluster, profile: Profile, count: int) -> int | None:
    """Return how large an array may be, if one of ``count`` elements was refused since it is larger."""
    if count == 1 or profile.max_array is not None:
        return None
    limit = cluster.array_limit()
    return limit if limit is not None and 0 < limit < count else None


def _submitted(
    cluster: Cluster, profile: Profile, directory: JobDirectory, record: JobRecord, count: int
) -> Submitted | SchedulerError:
    """Write the script of the first ``count`` elements, and submit it; return what the scheduler says."""
    runs, elements = record.elements[0].runs, count if count > 1 else None
    alone = elements is None and len(runs) == 1
    script = directory.run(runs[0]).path / "job.sh" if alone else directory.script
    work = Work(record.name, Path(record.directory), record.python)
    directory.write_script(script, write_script(cluster, profile, work, elements, directory.path))
    try:
        return cluster.submit(script, elements, profile.after or ())
    except SchedulerError as error:
        return error


def _refused(record: JobRecord, error: SchedulerError) -> JobRecord:
    """Write down why there is no job. One that was taken all the same begins with nothing, however late it starts.

    What has begun before this is written goes on, and says so itself: nobody writes over that (``claimed``).
    """
    if not isinstance(error, Unanswered):
        return replace(record, refused=str(error))
    name = record.profile.get("name") or record.name
    cause = (
        f"it is not known whether {record.scheduler} took the job {name}: look with its own commands, or cancel it "
        f"there. If it starts now, it ends at once. {error}"
    )
    runs = tuple(run for element in record.elements for run in element.runs)
    return replace(record, refused=cause, unanswered=True, withdrawn=runs)


def _parted(
    cluster: Cluster, directory: JobDirectory, record: JobRecord, submitted: Submitted
) -> tuple[Enlisted, Enlisted | None]:
    """Write down what was taken, and in a job of its own what is left."""
    count = len(submitted.elements)
    left = record.elements[count:]
    named = zip(record.elements[:count], submitted.elements, strict=True)
    elements = [replace(element, name=name) for element, name in named]
    taken = replace(_of(record, cluster.scheduler, elements), job=submitted.job, submitted=now())
    try:
        # In this order: no run is without a job in between.
        rest = _written(directory.store, _of(record, cluster.scheduler, left)) if left else None
        directory.write(taken)
    except StoreError:
        # A job that is not recorded could not even be cancelled.
        with suppress(SchedulerError):
            cluster.cancel([submitted.job])
        raise
    return (directory, taken), rest
