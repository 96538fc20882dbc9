"""Owns the way from a plan to the queue of a scheduler: check, snapshot, allocate, submit."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from typedxp.errors import ConfigError, ExecutionError, PlanError, Problem, StoreError, TypedxpError
from typedxp.runner.launching import allocate_runs
from typedxp.runner.planning import Launch
from typedxp.runner.reuse import reuse
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import Shell, check_here, local_shell
from typedxp.stages.execute.imports import Moved
from typedxp.stages.execute.interrupt import uninterrupted
from typedxp.stages.snapshot.peek import Seen
from typedxp.stages.submit import INTERRUPTED, Enlisted, Work, enlist, submit, write_script
from typedxp.store.claims import claimed, deciding
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.listing import listed
from typedxp.vocabulary.records import Code, RunRecord, RunStatus

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile


@dataclass(frozen=True)
class Submission:
    """What became of one command: its runs, and the jobs that execute them."""

    runs: tuple[RunDirectory, ...]
    jobs: tuple[Enlisted, ...]

    @property
    def refused(self) -> str | None:
        """What the scheduler said instead of taking a job."""
        return next((record.refused for _, record in self.jobs if record.refused is not None), None)


def cluster_of(profile: Profile, shell: Shell | None = None) -> Cluster:
    """Return the cluster that a profile is for.

    Raises:
        ProfileError: there is no such scheduler.
    """
    return Cluster(get_scheduler(profile.scheduler), shell or local_shell)


def check_job(what: Launch, shell: Shell = local_shell) -> None:
    """Make sure, without writing anything, that jobs can be made of a plan.

    Raises:
        ProfileError: the scheduler cannot express the profile.
        SchedulerError: there is none on this machine.
        ConfigError: secrets that no job would find.
    """
    profile = required(what)
    script_of(what, len(what.plan.runs))
    check_cluster(cluster_of(profile, shell))
    secrets = {key: text for spec in what.plan.runs for key, text in spec.judged.secrets.items()}
    check_secrets(what.declaration.name, secrets, profile)
    _check_told(what.declaration.name, secrets, profile)


def check_cluster(cluster: Cluster) -> None:
    """Make sure that a cluster can be spoken to from here.

    Raises:
        SchedulerError: its commands are not on this machine.
    """
    if cluster.shell is local_shell:
        check_here(cluster.scheduler.submit_command(Path("job.sh")).words[0])


def check_array(cluster: Cluster, profile: Profile, work: Work, count: int) -> None:
    """Make sure that so many runs can be submitted as one array, as far as can be said without writing anything.

    Raises:
        ProfileError: the scheduler cannot express the profile.
        SchedulerError: its commands are not on this machine.
    """
    check_cluster(cluster)
    write_script(cluster, profile, work, -(-count // profile.pack), Path.cwd())


def check_secrets(name: str, secrets: Iterable[str], profile: Profile) -> None:
    """Make sure that jobs find the secrets of their configs.

    Raises:
        ConfigError: a profile does not say where.
    """
    wanted = sorted(set(secrets) - set(profile.secrets))
    if wanted:
        advice = (
            "Secrets are not written down, so a job cannot know it. Name the environment variable in which the job "
            f"finds it: xp.profile.secrets={{{wanted[0]}: VARIABLE}}."
        )
        unused = sorted(set(profile.secrets) - set(secrets))
        advice += f" Of {', '.join(unused)}, which it has, nobody asks." if unused else ""
        raise ConfigError(name, [Problem(key, "", "", advice) for key in wanted])


def _check_told(name: str, secrets: Mapping[str, str], profile: Profile) -> None:
    """Make sure that no secret is written into a job script by way of the profile.

    Raises:
        ConfigError: a field of the profile holds one.
    """
    problems = [
        Problem(f"xp.profile.{field}", "", "", f"It tells the secret {key}, and would be written into the job script.")
        for field, value in profile.plain().items()
        for key, text in secrets.items()
        if len(text) > 3 and text in repr(value)
    ]
    if problems:
        raise ConfigError(name, problems)


def script_of(what: Launch, count: int) -> str:
    """Write the script that a plan would be submitted as; the number of the job is not known yet."""
    profile = required(what)
    elements = -(-count // profile.pack)
    place = Store(what.settings.logs).root / "jobs" / "JOB"
    work = Work(what.declaration.name, Path.cwd(), python_of(profile))
    return write_script(cluster_of(profile), profile, work, elements if elements > 1 else None, place)


def launch_jobs(what: Launch, code: Code | None, command: Sequence[str], shell: Shell | None = None) -> Submission:
    """Allocate the runs of a plan, and submit them.

    Make sure by :func:`check_job` that they can be, and keep their ``code``, before. Points that ``xp.only`` leaves to
    another launch, which was quicker, are left out, too; their runs are among those of the result.

    Raises:
        StoreError: the store cannot be used.
        KeyboardInterrupt: the user stopped it; what was not submitted is marked so.
    """
    profile = required(what)
    had, directories = _allocated(what, code, command)
    if not directories:
        return Submission(tuple(had), ())
    work = Work(what.declaration.name, directory_of(directories[0].read_record()), python_of(profile))
    jobs = submit_runs(cluster_of(profile, shell), profile, work, directories)
    return Submission((*had, *directories), tuple(jobs))


def _allocated(
    what: Launch, code: Code | None, command: Sequence[str]
) -> tuple[list[RunDirectory], list[RunDirectory]]:
    """Allocate the runs of a plan; return the runs of others that stand for some of its points, and the new ones."""
    if what.settings.only == "all":
        return [], list(allocate_runs(what, code, command))
    with deciding(Store(what.settings.logs)):
        # Once more: another launch may have begun with them since the user was told what is missing.
        left = reuse(what, lambda: Seen(code))
        if left.directories:
            found = listed([directory.id for directory in left.directories])
            print(f"Another launch was quicker with some of these points ({found}): left out.", file=sys.stderr)
        return left.directories, list(allocate_runs(left.what, code, command)) if left.what.plan.runs else []


def submit_runs(
    cluster: Cluster, profile: Profile, work: Work, directories: Sequence[RunDirectory]
) -> Iterator[Enlisted]:
    """Submit runs of one store; mark those that were refused, or that an interruption has left out.

    Raises:
        StoreError: the jobs cannot be recorded.
        KeyboardInterrupt: the user stopped it.
    """
    store = Store(directories[0].path.parent)
    yield from submit_enlisted(cluster, profile, enlist_runs(store, cluster, profile, work, directories))


def enlist_runs(
    store: Store, cluster: Cluster, profile: Profile, work: Work, directories: Sequence[RunDirectory]
) -> Enlisted:
    """Write down that runs are about to be submitted, and how.

    Raises:
        StoreError: the job cannot be recorded; the runs are marked so.
    """
    try:
        with uninterrupted():
            return enlist(store, cluster.scheduler, profile, work, [directory.id for directory in directories])
    except StoreError as error:
        _mark(directories, RunStatus.FAILED, f"not submitted: {error}")
        raise


def submit_enlisted(cluster: Cluster, profile: Profile, enlisted: Enlisted) -> Iterator[Enlisted]:
    """Submit what was enlisted, as :func:`submit_runs` does.

    Raises:
        StoreError: the jobs cannot be recorded.
        KeyboardInterrupt: the user stopped it.
    """
    directory, record = enlisted
    waiting = {run: directory.run(run) for element in record.elements for run in element.runs}
    word, cause = RunStatus.CANCELLED, f"not submitted: {INTERRUPTED}"
    jobs = submit(cluster, profile, enlisted)
    try:
        while (made := _next(jobs)) is not None:
            if made[1].left_out is not None:
                word, cause = RunStatus.FAILED, made[1].left_out
                yield made
                return
            for run in [run for element in made[1].elements for run in element.runs]:
                del waiting[run]
            yield made
    except TypedxpError as error:
        word, cause = RunStatus.FAILED, f"not submitted: {error}"
        raise
    finally:
        with uninterrupted():
            jobs.close()
            _mark(waiting.values(), word, cause)


def _next(jobs: Iterator[Enlisted]) -> Enlisted | None:
    """Return the next job: a signal waits until it is recorded."""
    with uninterrupted():
        return next(jobs, None)


def required(what: Launch) -> Profile:
    """Return the profile of a launch that has one.

    Raises:
        PlanError: it has none.
    """
    if what.profile is None:
        raise PlanError("There is no profile to submit with: choose one by xp/profile=NAME.")
    return what.profile


def python_of(profile: Profile) -> str:
    """Return the interpreter that jobs are executed by."""
    return str(Path(profile.python).expanduser()) if profile.python else sys.executable


def directory_of(record: RunRecord) -> Path:
    """Return where the job of a run starts: where it was launched, in its checkout if it has one."""
    if record.checkout is None or record.code is None:
        return Path(record.cwd)
    there = Path(Moved(record.code.root, record.checkout).path(record.cwd))
    return there if there.is_dir() else Path(record.checkout)


def _mark(directories: Iterable[RunDirectory], word: RunStatus, cause: str) -> None:
    """Mark runs that no job executes, except those that one has begun with all the same."""
    for directory in directories:
        with suppress(OSError, StoreError, ExecutionError):
            status = directory.read_status()
            if status.status is RunStatus.SUBMITTED:
                with claimed(directory, status.attempt + 1):
                    directory.write_status(replace(status, status=word, end=now(), cause=cause))
