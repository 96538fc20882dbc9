"""Owns the step from runs that have their directories to jobs of a scheduler: one array, or as few as it takes."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Cluster, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.script import render
from typedxp.store.files import replace as replace_file
from typedxp.store.jobs import JobDirectory, take_job
from typedxp.store.store import Store
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.jobs import Element, JobRecord

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

INTERRUPTED = "the submission was interrupted"
"""Stands in the record of what was not submitted, where a scheduler's refusal would stand."""


@dataclass(frozen=True)
class Work:
    """What the jobs of one command have in common: a name, the directory they start in, and the interpreter."""

    name: str
    directory: Path
    python: str


def submit(
    store: Store, cluster: Cluster, profile: Profile, work: Work, runs: Sequence[int]
) -> Generator[tuple[JobDirectory, JobRecord]]:
    """Submit runs as one array, or as several if it is larger than the scheduler takes; one run is a plain job.

    Yields every job as soon as it was taken. One that was refused says so in its record, and is the last: it holds all
    runs that were not submitted. So does one that is written if this is closed before its end.

    Raises:
        ProfileError: the scheduler cannot express the profile.
        StoreError: the jobs cannot be recorded.
    """
    waiting = [Element(tuple(runs[at : at + profile.pack])) for at in range(0, len(runs), profile.pack)]
    largest = profile.max_array or len(waiting)
    try:
        while waiting:
            directory, record = _submit(store, cluster, _share(profile, waiting, largest), work, waiting[:largest])
            limit = _limit(cluster, profile, record)
            if limit is not None:
                largest = limit
                shutil.rmtree(directory.path)
                continue
            if record.refused is not None:
                record = replace(record, elements=tuple(waiting))
                directory.write(record)
            waiting = [] if record.refused is not None else waiting[largest:]
            yield directory, record
    finally:
        if waiting:
            # Whoever submits them later has to know how.
            directory = take_job(store)
            directory.write(replace(_record(directory, cluster, profile, work, waiting), refused=INTERRUPTED))


def write_script(cluster: Cluster, profile: Profile, work: Work, count: int | None, directory: Path) -> str:
    """Write the script of a job of ``count`` elements whose directory is ``directory``.

    Raises:
        ProfileError: the scheduler cannot express the profile.
    """
    command = (work.python, "-P", "-m", "typedxp.worker", "--job", str(directory))
    job = Job(profile.name or work.name, command, work.directory, directory, count)
    return render(cluster.scheduler, profile, job)


def _limit(cluster: Cluster, profile: Profile, record: JobRecord) -> int | None:
    """Return how large an array may be, if one was refused since it is larger."""
    if record.refused is None or not record.array or profile.max_array is not None:
        return None
    limit = cluster.array_limit()
    return limit if limit is not None and limit < len(record.elements) else None


def _share(profile: Profile, waiting: Sequence[Element], largest: int) -> Profile:
    """Let several arrays share how many elements may run at the same time."""
    arrays = -(-len(waiting) // largest)
    if profile.parallel is None or arrays == 1:
        return profile
    return profile.model_copy(update={"parallel": max(1, profile.parallel // arrays)})


def _submit(
    store: Store, cluster: Cluster, profile: Profile, work: Work, elements: Sequence[Element]
) -> tuple[JobDirectory, JobRecord]:
    directory = take_job(store)
    record = _record(directory, cluster, profile, work, elements)
    # What an element executes is there before it can start.
    directory.write(record)
    runs = elements[0].runs
    script = directory.script if record.array or len(runs) > 1 else directory.run(runs[0]).path / "job.sh"
    count = len(elements) if record.array else None
    replace_file(script, write_script(cluster, profile, work, count, directory.path).encode())
    script.chmod(0o755)
    try:
        record = _taken(record, cluster.submit(script, count))
    except SchedulerError as error:
        record = replace(record, refused=str(error))
    directory.write(record)
    return directory, record


def _record(
    directory: JobDirectory, cluster: Cluster, profile: Profile, work: Work, elements: Sequence[Element]
) -> JobRecord:
    array = len(elements) > 1
    return JobRecord(
        id=directory.id,
        scheduler=cluster.scheduler.name,
        profile=profile.plain(),
        name=work.name,
        directory=str(work.directory),
        python=work.python,
        elements=tuple(elements),
        array=array,
        first=cluster.scheduler.first if array else 0,
        created=now(),
    )


def _taken(record: JobRecord, submitted: Submitted) -> JobRecord:
    named = zip(record.elements, submitted.elements, strict=True)
    elements = tuple(replace(element, name=name) for element, name in named)
    return replace(record, elements=elements, job=submitted.job, submitted=now())
