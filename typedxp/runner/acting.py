"""Owns what is done to submitted runs: cancel, hold, release, retry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from typedxp.errors import ConfigError, ExecutionError
from typedxp.runner.checkouts import restore_checkouts
from typedxp.runner.following import Standing, cluster_for, write_if_same
from typedxp.runner.profiles import judge_profile, named_profile
from typedxp.runner.submitting import cluster_of, directory_of, submit_runs
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.stages.submit import Work
from typedxp.store.jobs import JobDirectory
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.jobs import JobRecord
from typedxp.vocabulary.listing import listed
from typedxp.vocabulary.plan import Composed
from typedxp.vocabulary.records import RunStatus

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

SCALED: Mapping[RunStatus, tuple[str, ...]] = {
    RunStatus.TIMEOUT: ("time",),
    RunStatus.OUT_OF_MEMORY: ("mem", "mem_per_cpu"),
}
"""What ran out, by how a run ended: the fields of the profile that may be raised."""


@dataclass(frozen=True)
class Retrying:
    """How runs are submitted again.

    ``profile`` is the name of another profile than that of before, ``overrides`` are fields of it; ``scale`` multiplies
    what ran out, by field.
    """

    profile: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)


def cancel(standings: Sequence[Standing], shell: Shell = local_shell) -> None:
    """Cancel what is queued or running of some runs. What is running will say so itself.

    Raises:
        SchedulerError: a scheduler refuses, or does not answer.
    """
    for cluster, names in _elements(standings, shell):
        cluster.cancel(names)
    for standing in standings:
        status = standing.status
        if status.status is RunStatus.SUBMITTED:
            # Schedulers forget what never started.
            after = replace(status, status=RunStatus.CANCELLED, end=now(), cause="cancelled before it started")
            write_if_same(standing.directory, status, after)


def hold(standings: Sequence[Standing], shell: Shell = local_shell) -> None:
    """Keep what is queued of some runs from starting.

    Raises:
        SchedulerError: a scheduler cannot, refuses, or does not answer.
    """
    for cluster, names in _elements(standings, shell):
        cluster.hold(names)


def release(standings: Sequence[Standing], shell: Shell = local_shell) -> None:
    """Let those of some runs start that were held.

    Raises:
        SchedulerError: a scheduler cannot, refuses, or does not answer.
    """
    for cluster, names in _elements(standings, shell):
        cluster.release(names)


def companions(standings: Sequence[Standing]) -> list[int]:
    """Return the ids of runs that share an element with one of these: what is done to one is done to all."""
    given = {standing.directory.id for standing in standings}
    shared = {run for standing in standings if standing.element is not None for run in standing.element.runs}
    return sorted(shared - given)


def retry(
    standings: Sequence[Standing], how: Retrying, shell: Shell = local_shell
) -> Iterator[tuple[JobDirectory, JobRecord]]:
    """Submit runs again, in their directories: one array for all that ask for the same.

    Raises:
        ExecutionError: a run completed, or is underway; or nobody knows with what profile to submit it.
        ConfigError: the profile is not valid.
        StoreError: the jobs cannot be recorded.
    """
    _check(standings)
    groups: dict[str, tuple[Profile, Work, list[Standing]]] = {}
    for standing in standings:
        profile, work = _profile(standing, how), _work(standing)
        key = repr((sorted(profile.plain().items(), key=str), work))
        groups.setdefault(key, (profile, work, []))[2].append(standing)
    restore_checkouts((), [standing.directory for standing in standings])
    for profile, work, members in groups.values():
        directories = [standing.directory for standing in members]
        for standing in members:
            status = replace(standing.status, status=RunStatus.SUBMITTED, end=None, cause=None, job_state=None)
            standing.directory.write_status(replace(status, exit_code=None, signal=None, failure=None))
        yield from submit_runs(cluster_of(profile, shell), profile, work, directories)


def _elements(standings: Iterable[Standing], shell: Shell) -> Iterator[tuple[Cluster, list[str]]]:
    """Yield the names of all elements, or of whole jobs where all that is left of them is meant, by cluster."""
    chosen: dict[int, tuple[JobRecord, dict[str, None]]] = {}
    for standing in standings:
        job = standing.job
        if job is not None and job.job is not None and standing.name is not None and not standing.status.status.final:
            chosen.setdefault(job.id, (job, {}))[1][standing.name] = None
    by_scheduler: dict[str, tuple[JobRecord, list[str]]] = {}
    for job, names in chosen.values():
        whole = len(names) == len(job.elements) and job.job is not None
        found = by_scheduler.setdefault(job.scheduler, (job, []))
        found[1].extend([job.job] if whole and job.job is not None else names)
    for job, listed_names in by_scheduler.values():
        yield cluster_for(job, shell), listed_names


def _check(standings: Sequence[Standing]) -> None:
    wrong = [standing for standing in standings if standing.status.status is RunStatus.COMPLETED]
    if wrong:
        raise ExecutionError(f"{listed([standing.directory.id for standing in wrong]).capitalize()} completed.")
    underway = [standing for standing in standings if not standing.status.status.final]
    if underway:
        ids = listed([standing.directory.id for standing in underway])
        raise ExecutionError(f"{ids.capitalize()} are underway: cancel them first.")


def _profile(standing: Standing, how: Retrying) -> Profile:
    """Return the profile that a run is submitted with: that of before, or another, with what was asked for."""
    run = standing.directory.id
    if how.profile is not None:
        values = named_profile(how.profile)
    elif standing.job is not None:
        values = dict(standing.job.profile)
    else:
        raise ExecutionError(f"Run {run} was never submitted: say with what profile, by --profile NAME.")
    nowhere = Composed({}, {}, {}, {}, (), lambda _: "command line")
    profile = judge_profile({**values, **how.overrides}, nowhere, how.profile)
    if isinstance(profile, list):
        raise ConfigError("the profile", profile)
    return _scaled(profile, standing.status.status, how.scale)


def _scaled(profile: Profile, ended: RunStatus, scale: Mapping[str, float]) -> Profile:
    """Raise what ran out."""
    raised = {}
    for name in SCALED.get(ended, ()):
        factor = scale.get("mem" if name.startswith("mem") else name)
        value = getattr(profile, name)
        if factor is not None and value is not None:
            raised[name] = value * factor if name == "time" else round(value * factor)
    return profile.model_copy(update=raised)


def _work(standing: Standing) -> Work:
    record = standing.directory.read_record()
    job = standing.job
    python = job.python if job is not None else record.environment.executable
    return Work(job.name if job is not None else record.experiment.name, directory_of(record), python)
