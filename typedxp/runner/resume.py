"""Owns going on with runs that did not complete: in their directories, from their last checkpoints."""

from __future__ import annotations

from collections.abc import Iterable

from typedxp.errors import ExecutionError, StoreError
from typedxp.runner.checkouts import restore_checkouts
from typedxp.runner.launching import check_importable
from typedxp.runner.planning import Launch
from typedxp.stages.declare.declaration import Declaration
from typedxp.stages.execute.liveness import mark_lost
from typedxp.stages.validate.judge import Judge
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.plan import Judged
from typedxp.vocabulary.records import RunStatus, Status

_ELSEWHERE = frozenset({RunStatus.COMPLETED, RunStatus.RUNNING, RunStatus.SUBMITTED})
"""What leaves nothing to go on with, here and now: what is queued is executed by a job."""


def unfinished(what: Launch) -> dict[RunDirectory, Judged]:
    """Return the runs that ``xp.resume`` asks for, with their configs as they were recorded.

    Raises:
        ExecutionError: a run cannot be gone on with: it completed, is running, or is of another experiment.
        StoreError: there is no such run.
        DeclarationError: the schema does not accept a config any more.
    """
    store = Store(what.settings.logs)
    wanted = what.settings.resume
    if wanted == "unfinished":
        directories = [directory for directory in store.runs() if _unfinished(what.declaration, directory)]
    else:
        directories = [store.run(number) for number in ([wanted] if isinstance(wanted, int) else wanted or [])]
    _check(what.declaration, directories)
    if what.settings.jobs is not None:
        check_importable(what.declaration)
        restore_checkouts(what.settings.links, directories)
    judge = Judge(what.declaration.type, what.declaration.schema)
    return {directory: _judged(judge, directory) for directory in directories}


def _unfinished(declaration: Declaration, directory: RunDirectory) -> bool:
    try:
        name, status = directory.read_record().experiment.name, _status(directory).status
    except StoreError:
        return False
    return name == declaration.name and status not in _ELSEWHERE


def _check(declaration: Declaration, directories: Iterable[RunDirectory]) -> None:
    problems = []
    for directory in directories:
        record, status = directory.read_record(), _status(directory)
        if record.experiment.name != declaration.name:
            problems.append(f"Run {directory.id} is of the experiment {record.experiment.name}.")
        elif status.status in _ELSEWHERE:
            problems.append(f"Run {directory.id} is {status.status}.")
        elif record.secrets:
            problems.append(f"Run {directory.id} needs secrets that are not written down: {', '.join(record.secrets)}.")
    if problems:
        raise ExecutionError("xp.resume: " + " ".join(problems))


def _status(directory: RunDirectory) -> Status:
    return mark_lost(directory, directory.read_status())


def _judged(judge: Judge, directory: RunDirectory) -> Judged:
    values = directory.read_config()
    return Judged(judge.restore(values, directory.read_record().members, {}), values, {})
