"""Owns the second submission of runs: just those, in their directories, with the profile of before or another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from typedxp.errors import ExecutionError
from typedxp.runner.acting import withdraw
from typedxp.runner.checkouts import restore_checkouts
from typedxp.runner.following import Standing
from typedxp.runner.judging import judge_named, named_profile
from typedxp.runner.submitting import (
    check_array,
    check_secrets,
    cluster_of,
    directory_of,
    enlist_runs,
    submit_enlisted,
)
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.schedulers.units import kilobytes
from typedxp.stages.submit import Enlisted, Work
from typedxp.store.store import Store
from typedxp.vocabulary.listing import listed
from typedxp.vocabulary.records import RunRecord, RunStatus, Status

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

SCALED: Mapping[RunStatus, tuple[str, tuple[str, ...]]] = {
    RunStatus.TIMEOUT: ("time", ("time",)),
    RunStatus.OUT_OF_MEMORY: ("mem", ("mem", "mem_per_cpu", "mem_per_gpu")),
}
"""What ran out, by how a run ended: its name, and the fields of profiles that say how much there was."""


@dataclass(frozen=True)
class Retrying:
    """How runs are submitted again.

    ``profile`` is the name of another profile than that of before, ``overrides`` are fields of it; None unsets one.
    ``scale`` multiplies what ran out: ``time`` or ``mem``.
    """

    profile: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Runs that ask for the same, and so become one array."""

    profile: Profile
    work: Work
    members: list[Standing]


def ended_as(standing: Standing) -> RunStatus:
    """Say how a run ended: one that was stopped by the warning ahead of its limit has run out of time, too."""
    status = standing.status.status
    warned = standing.job is not None and standing.job.profile.get("warn") is not None
    return RunStatus.TIMEOUT if status is RunStatus.PREEMPTED and warned else status


def judge(standings: Iterable[Standing], how: Retrying) -> None:
    """Judge what is asked for by the profiles that it would change, also where there is nothing to retry.

    Raises:
        ConfigError: a profile is not valid.
        ProfileError: there is no such profile, or its scheduler cannot express it.
    """
    if how.profile is not None:
        judge_named({**named_profile(how.profile), **how.overrides}, how.profile)
    elif how.overrides:
        profiles = {standing.job.id: standing.job.profile for standing in standings if standing.job is not None}
        for values in {repr(values): values for values in profiles.values()}.values():
            # What they waited for has been, as a rule.
            judge_named({**values, "after": None, **how.overrides}, None)


def retry(standings: Sequence[Standing], how: Retrying, shell: Shell = local_shell) -> Iterator[Enlisted]:
    """Submit runs again, in their directories: one array for all that ask for the same.

    Nothing is written before all of it was checked.

    Raises:
        ExecutionError: a run completed, or is underway; or nobody knows with what profile to submit it.
        ConfigError: the profile is not valid.
        ProfileError: there is no such profile, or its scheduler cannot express it.
        SchedulerError: there is no such scheduler here.
        StoreError: the jobs cannot be recorded.
    """
    _check(standings)
    groups = _groups(standings, how)
    for group in groups:
        check_array(cluster_of(group.profile, shell), group.profile, group.work, len(group.members))
    restore_checkouts((), [standing.directory for standing in standings])
    for group in groups:
        yield from _submit(group, shell)


def _submit(group: Group, shell: Shell) -> Iterator[Enlisted]:
    cluster, directories = cluster_of(group.profile, shell), [one.directory for one in group.members]
    store = Store(directories[0].path.parent)
    # A job that was taken for dead must not begin with them after all.
    withdraw(group.members)
    enlisted = enlist_runs(store, cluster, group.profile, group.work, directories)
    # From here on it is about the new job whatever a scheduler says.
    for standing in group.members:
        standing.directory.write_status(_anew(standing.status))
    yield from submit_enlisted(cluster, group.profile, enlisted)


def _anew(status: Status) -> Status:
    """Say of a run that it waits; what its attempts have recorded is kept."""
    kept = {"attempt": status.attempt, "streams": status.streams, "arrays": status.arrays}
    return replace(Status(RunStatus.SUBMITTED), **kept)  # type: ignore[arg-type]


def _check(standings: Sequence[Standing]) -> None:
    done = [standing.directory.id for standing in standings if standing.status.status is RunStatus.COMPLETED]
    if done:
        raise ExecutionError(f"{listed(done).capitalize()} completed.")
    underway = [standing.directory.id for standing in standings if not standing.status.status.final]
    if underway:
        raise ExecutionError(f"{_are(underway)} underway: cancel first, or wait.")
    damaged = [standing.directory.id for standing in standings if not standing.directory.path.is_dir()]
    if damaged:
        raise ExecutionError(f"{_are(damaged)} gone.")


def _are(ids: Sequence[int]) -> str:
    return f"{listed(ids).capitalize()} {'is' if len(ids) == 1 else 'are'}"


def _groups(standings: Sequence[Standing], how: Retrying) -> list[Group]:
    if how.profile is None:
        unknown = [standing.directory.id for standing in standings if standing.job is None]
        if unknown:
            raise ExecutionError(f"{listed(unknown).capitalize()} had no job yet: say with what --profile NAME.")
    named = named_profile(how.profile) if how.profile is not None else None
    groups: dict[str, Group] = {}
    judged: dict[object, Profile] = {}
    for standing in standings:
        record = standing.directory.read_record()
        alike = (standing.job.id if standing.job is not None else None, standing.status.attempt > 0, ended_as(standing))
        if alike not in judged:
            judged[alike] = _profile(standing, named, how)
        profile = judged[alike]
        check_secrets(record.experiment.name, record.secrets, profile)
        work = _work(record, profile)
        key = repr((sorted(profile.plain().items()), work))
        groups.setdefault(key, Group(profile, work, [])).members.append(standing)
    return [
        replace(group, work=replace(group.work, attempts=max(one.status.attempt for one in group.members)))
        for group in groups.values()
    ]


def _profile(standing: Standing, named: Mapping[str, Any] | None, how: Retrying) -> Profile:
    """Return the profile that a run is submitted with: that of before, or another, with what was asked for."""
    values = dict(named or (standing.job.profile if standing.job is not None else {}))
    if named is None and standing.status.attempt > 0:
        # What it waited for has been.
        values.pop("after", None)
    profile = judge_named({**values, **how.overrides}, how.profile)
    wanted, names = SCALED.get(ended_as(standing), ("", ()))
    factor = how.scale.get(wanted)
    if factor is None or how.overrides.keys() & set(names):
        return profile
    raised = _raised(profile, names, factor)
    if not raised:
        run, word = standing.directory.id, {"time": "time", "mem": "memory"}[wanted]
        raise ExecutionError(
            f"Run {run} ran out of {word}, but its profile does not say how much there was. Say how much it needs: "
            f"typedxp retry {run} {names[0]}={'4h' if wanted == 'time' else '16G'}"
        )
    return judge_named({**profile.plain(), **raised}, how.profile)


def _raised(profile: Profile, names: Sequence[str], factor: float) -> dict[str, str]:
    """Multiply what is set of some fields, in whole seconds or kilobytes, and none too few."""
    raised = {}
    for name in names:
        value = getattr(profile, name, None)
        if value is not None and name == "time":
            raised[name] = f"{math.ceil(round(value.total_seconds() * factor, 3))}s"
        elif value is not None:
            raised[name] = f"{kilobytes(math.ceil(round(value * factor, 3)))}K"
    return raised


def _work(record: RunRecord, profile: Profile) -> Work:
    return Work(record.experiment.name, directory_of(record), profile.python or record.environment.executable)
