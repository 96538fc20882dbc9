"""Owns making runs again: new ones with the configs of old ones, executed from the code that these had."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from typedxp.errors import ExecutionError, SnapshotError, StoreError
from typedxp.runner.checkouts import relative_links
from typedxp.runner.launching import Started
from typedxp.runner.snapshots import open_code, snapshot_of
from typedxp.runner.submitting import check_array, check_secrets, cluster_of, directory_of, python_of, submit_runs
from typedxp.runner.today import Today, differing, environment_before
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.stages.execute.interrupt import uninterrupted
from typedxp.stages.execute.perform import cancel
from typedxp.stages.execute.processes import Workers
from typedxp.stages.snapshot.checkout import make_checkout
from typedxp.stages.submit import Enlisted, Work
from typedxp.store.copies import copy_plan
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.environment import EnvironmentDocument
from typedxp.vocabulary.records import RunRecord, RunStatus, Status

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile


@dataclass(frozen=True)
class Repeating:
    """How runs are made again.

    With ``in_place_code`` today's code is executed, else that of the snapshot of each run: in ``repository``, or where
    it was launched. ``links`` are files and directories of that repository that git ignores, and that are needed.
    ``secrets`` are by dotted key. ``jobs`` is the number of worker processes. With ``submitted`` jobs execute them,
    which find their secrets as the profile says.
    """

    in_place_code: bool = False
    repository: Path | None = None
    links: tuple[Path, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 1
    submitted: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repetition:
    """A run that is to be made again: what the new one's record will say, but for its own id and time.

    ``differing`` says in lines what is different in the environment of now.
    """

    old: RunDirectory
    record: RunRecord
    environment: EnvironmentDocument = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)
    differing: tuple[str, ...] = ()


def prepare(store: Store, runs: Iterable[RunDirectory], how: Repeating) -> list[Repetition]:
    """Find out how each run can be made again, and make the checkouts of their code. No run is made.

    Raises:
        ExecutionError: some cannot; all reasons are told.
        StoreError: the record of one cannot be read.
    """
    records = {directory: directory.read_record() for directory in runs}
    problems = [problem for record in records.values() for problem in _problems(record, how)]
    if problems:
        raise ExecutionError("\n".join(dict.fromkeys(problems)))
    today, sweep, created = Today(store), os.urandom(6).hex(), now()
    codes = _Codes(store, how, today)
    made = []
    for directory, record in records.items():
        new = replace(
            codes.put_into(record),
            sweep=sweep,
            created=created,
            command=how.command,
            environment=today.facts,
            rerun_of=record.id,
        )
        before = environment_before(store, directory, record)
        after = today.environment(new, before)
        lines = differing((record.environment, before), (today.facts, after))
        secrets = {key: how.secrets[key] for key in record.secrets if not how.submitted}
        made.append(Repetition(directory, new, after, secrets, lines))
    return made


def repeat(
    target: Store, repetitions: Sequence[Repetition], jobs: int, started: Started
) -> Generator[tuple[Repetition, RunDirectory, Status]]:
    """Make runs again, as new ones in ``target``; yield each with its directory and final status, as it ends.

    Raises:
        StoreError: the store cannot be used; nothing is left behind.
        KeyboardInterrupt: the user stopped it; runs that have not ended are marked cancelled.
        Stopped: another signal stopped it, likewise.
    """
    target.check()
    made = _allocate(target, repetitions)
    waiting = {directory: repetition.secrets for directory, repetition in made.items()}
    try:
        with closing(_execute(waiting, jobs, started)) as ended:
            for directory, status in ended:
                yield made[directory], directory, status
    finally:
        with uninterrupted():
            _cancel(made)


def repeat_as_jobs(
    target: Store, repetitions: Sequence[Repetition], profile: Profile, shell: Shell = local_shell
) -> Iterator[Enlisted]:
    """Submit runs to be made again, as new ones in ``target``; yield each job as soon as it was taken or refused.

    Nothing is written before all of it was checked.

    Raises:
        ConfigError: secrets that no job would find.
        ProfileError: the scheduler cannot express the profile.
        SchedulerError: there is no such scheduler here.
        StoreError: the store cannot be used.
    """
    target.check()
    cluster, groups = cluster_of(profile, shell), _groups(repetitions, profile)
    for work, members in groups.items():
        check_array(cluster, profile, work, len(members))
    made = {repetition.old: directory for directory, repetition in _allocate(target, repetitions).items()}
    try:
        for work, members in groups.items():
            directories = [made[repetition.old] for repetition in members]
            for directory in directories:
                directory.write_status(Status(RunStatus.SUBMITTED))
            yield from submit_runs(cluster, profile, work, directories)
    finally:
        with uninterrupted():
            _cancel(made.values())


def _groups(repetitions: Iterable[Repetition], profile: Profile) -> dict[Work, list[Repetition]]:
    """Put those together that become one array."""
    groups: dict[Work, list[Repetition]] = {}
    for repetition in repetitions:
        record = repetition.record
        check_secrets(record.experiment.name, record.secrets, profile)
        work = Work(record.experiment.name, directory_of(record), python_of(profile))
        groups.setdefault(work, []).append(repetition)
    return groups


def _execute(
    waiting: Mapping[RunDirectory, Mapping[str, str]], jobs: int, started: Started
) -> Generator[tuple[RunDirectory, Status]]:
    yield from Workers(jobs, started).run(list(waiting.items()), stop_on_error=False)


def _allocate(target: Store, repetitions: Sequence[Repetition]) -> dict[RunDirectory, Repetition]:
    with target.allocating(len(repetitions)) as directories:
        for directory, repetition in zip(directories, repetitions, strict=True):
            record = repetition.record
            environment = replace(record.environment, document=target.write_document(repetition.environment))
            copy_plan(repetition.old, directory, replace(record, id=directory.id, environment=environment))
    return dict(zip(directories, repetitions, strict=True))


def _cancel(runs: Iterable[RunDirectory]) -> None:
    for directory in runs:
        with suppress(OSError, StoreError):
            if directory.read_status().status is RunStatus.PLANNED:
                cancel(directory, "not started, since this was interrupted")


def _problems(record: RunRecord, how: Repeating) -> Iterator[str]:
    """Say why a run cannot be made again."""
    if record.experiment.module is None and (record.experiment.file or "<").startswith("<"):
        yield f"Run {record.id} is of an experiment that was typed into a notebook or a prompt: no file holds its code."
    elif how.in_place_code:
        if record.experiment.file is not None and not Path(record.experiment.file).exists():
            yield f"There is no {record.experiment.file} any more, of which run {record.id} was made."
    elif snapshot_of(record) is None:
        yield f"Of the code of run {record.id} no snapshot was kept. --in-place-code executes today's."
    for key in record.secrets:
        if key not in how.secrets and not how.submitted:
            yield (
                f"Run {record.id} needs the secret {key}, which is not written down. Put it into an environment "
                f"variable, and name that: --secret {key}=VARIABLE."
            )


class _Codes:
    """Has the code ready that runs are executed from, each version once."""

    def __init__(self, store: Store, how: Repeating, today: Today) -> None:
        self._store = store
        self._how = how
        self._today = today
        self._made: dict[tuple[str | None, ...], str] = {}

    def put_into(self, record: RunRecord) -> RunRecord:
        """Return the record of a run with the code that will be executed.

        Raises:
            ExecutionError: the files of its snapshot cannot be had.
        """
        if self._how.in_place_code:
            return replace(record, code=self._today.code(record), checkout=None)
        snapshot = snapshot_of(record)
        assert record.code is not None
        key = (record.code.root, snapshot, record.checkout)
        if key not in self._made:
            self._made[key] = self._check_out(record)
        return replace(record, checkout=self._made[key])

    def _check_out(self, record: RunRecord) -> str:
        before = Path(record.checkout) if record.checkout is not None else None
        if before is not None and before.is_dir() and not self._how.links:
            return str(before)
        if before is not None and "-" in before.name and not self._how.links:
            raise ExecutionError(
                f"Run {record.id} was launched with data linked into its code by xp.links. Name it: --link data."
            )
        place = before.parent if before is not None and before.parent.is_dir() else self._store.cache / "checkouts"
        try:
            with open_code(record, self._how.repository) as snapshot:
                root = Path(str(snapshot.repository.working_tree_dir))
            return str(make_checkout(place, snapshot.name, root, relative_links(self._how.links, root)).path)
        except SnapshotError as error:
            raise ExecutionError(f"{error} Or execute today's code: --in-place-code.") from error
