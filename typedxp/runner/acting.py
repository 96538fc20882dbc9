"""Owns what is done to submitted runs: cancel, hold, release."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from typedxp.errors import StoreError
from typedxp.runner.following import Standing, cluster_for, write_if_same
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.store.jobs import JobDirectory
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.jobs import Element, JobRecord, JobState
from typedxp.vocabulary.records import RunStatus

Named = tuple[Cluster, list[str], list[Standing]]
"""What a cluster is to be told: names of elements, or of whole jobs, and the runs that they execute."""


def cancel(standings: Sequence[Standing], shell: Shell = local_shell) -> list[Standing]:
    """Cancel what is queued or running of some runs, and return those. What is running will say so itself.

    Even where the scheduler does not answer, what has not begun is not begun any more. Runs of whose jobs nothing is
    known are marked, but not returned.

    Raises:
        SchedulerError: a scheduler refuses, or does not answer.
        StoreError: it cannot be written down.
    """
    ours = [one for one in standings if not one.status.status.final and one.job is not None]
    withdraw(ours)
    _mark_cancelled([one for one in standings if one.job is None or one.job.job is None])
    for cluster, names, members in _by_cluster(ours, shell):
        cluster.cancel(names)
        # Schedulers forget what never started.
        _mark_cancelled(members)
    return ours


def hold(standings: Sequence[Standing], shell: Shell = local_shell) -> list[Standing]:
    """Keep what is queued of some runs from starting, and return those.

    Raises:
        SchedulerError: a scheduler cannot, refuses, or does not answer.
    """
    queued = [one for one in standings if one.status.status is RunStatus.SUBMITTED and _is(one, JobState.QUEUED)]
    return _tell(_all_or(standings, queued, shell), Cluster.hold, shell)


def release(standings: Sequence[Standing], shell: Shell = local_shell) -> list[Standing]:
    """Let those of some runs start that were held, and return them.

    Raises:
        SchedulerError: a scheduler cannot, refuses, or does not answer.
    """
    held = [one for one in standings if one.found is not None and one.found.state is JobState.HELD]
    return _tell(_all_or(standings, held, shell), Cluster.release, shell)


def companions(standings: Sequence[Standing]) -> list[int]:
    """Return the ids of runs that share an element with one of these: what is done to one is done to all."""
    given = {standing.directory.id for standing in standings}
    shared = {run for standing in standings if standing.element is not None for run in standing.element.runs}
    return sorted(shared - given)


def astray(standings: Sequence[Standing]) -> list[Standing]:
    """Return the runs that were submitted, and of whose jobs nothing is known: somebody has removed their files."""
    return [
        one
        for one in standings
        if one.job is None and (one.status.status is RunStatus.SUBMITTED or one.status.job is not None)
    ]


def withdraw(standings: Iterable[Standing]) -> None:
    """Keep the jobs of some runs from beginning with them from now on.

    Raises:
        StoreError: that cannot be written down.
    """
    chosen: dict[int, list[Standing]] = {}
    for standing in standings:
        if standing.job is not None:
            chosen.setdefault(standing.job.id, []).append(standing)
    for number, members in chosen.items():
        _home(members[0], number).withdraw(standing.directory.id for standing in members)


def _is(standing: Standing, state: JobState) -> bool:
    """Whether a run stands so for its scheduler, or was submitted so recently that it has not heard of it."""
    return standing.found is None or standing.found.state is state


def _all_or(standings: Sequence[Standing], ready: Sequence[Standing], shell: Shell) -> list[Standing]:
    """Choose those that are ready for something, and all of an array that can only be held as a whole."""
    arrays = {one.job.id for one in ready if one.job is not None and cluster_for(one.job, shell).scheduler.holds_arrays}
    chosen = {one.directory.id for one in ready}
    return [one for one in standings if one.directory.id in chosen or (one.job is not None and one.job.id in arrays)]


def _tell(chosen: Sequence[Standing], act: Callable[[Cluster, list[str]], None], shell: Shell) -> list[Standing]:
    told = []
    for cluster, names, members in _by_cluster(chosen, shell):
        act(cluster, names)
        told += members
    return told


def _by_cluster(standings: Iterable[Standing], shell: Shell) -> Iterator[Named]:
    """Yield the names of all elements, or of whole jobs where all that is left of them is meant, by cluster."""
    of_jobs: dict[int, list[Standing]] = {}
    for one in standings:
        if one.job is not None and one.name is not None and not one.status.status.final:
            of_jobs.setdefault(one.job.id, []).append(one)
    told: dict[str, tuple[list[str], list[Standing]]] = {}
    clusters: dict[str, Cluster] = {}
    for members in of_jobs.values():
        job = members[0].job
        assert job is not None, "those without were passed over"
        clusters.setdefault(job.scheduler, cluster_for(job, shell))
        names, runs = told.setdefault(job.scheduler, ([], []))
        names += _names(job, members)
        runs += members
    for scheduler, (names, runs) in told.items():
        yield clusters[scheduler], names, runs


def _names(job: JobRecord, members: Sequence[Standing]) -> list[str]:
    chosen = list(dict.fromkeys(one.name for one in members if one.name is not None))
    home, meant = _home(members[0], job.id), set(chosen)
    whole = job.job is not None and all(each.name in meant or _ended(home, each) for each in job.elements)
    return [job.job] if whole and job.job is not None else chosen


def _ended(home: JobDirectory, element: Element) -> bool:
    """Whether nothing is left of an element; runs that were deleted have ended."""
    for run in element.runs:
        try:
            if not home.run(run).read_status().status.final:
                return False
        except StoreError:
            continue
    return True


def _home(standing: Standing, number: int) -> JobDirectory:
    return JobDirectory(standing.directory.path.parent / "jobs" / str(number))


def _mark_cancelled(standings: Iterable[Standing]) -> None:
    """Say of runs that never started that they never will.

    Raises:
        StoreError: that cannot be written.
    """
    for standing in standings:
        if standing.status.status is RunStatus.SUBMITTED:
            after = replace(standing.status, status=RunStatus.CANCELLED, end=now(), cause="cancelled in the queue")
            try:
                write_if_same(standing.directory, standing.status, after)
            except OSError as error:
                raise StoreError(f"{standing.directory.status_file} cannot be written: {error}.") from error
