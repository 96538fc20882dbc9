"""Owns one run inside a job: its directory is read, and what it says is executed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from typedxp.errors import ExecutionError, StoreError
from typedxp.stages.environment.document import describe_here
from typedxp.stages.environment.surroundings import variables
from typedxp.stages.execute.imports import Moved, enter, explained
from typedxp.stages.execute.perform import ELSEWHERE, perform
from typedxp.stages.record import Run
from typedxp.stages.validate.judge import Judge
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.records import ExperimentRef, RunRecord, RunStatus
from typedxp.vocabulary.stopping import StopSwitch
from typedxp.worker.garbage import collect_again
from typedxp.worker.load import load


def execute(directory: RunDirectory, secrets: Mapping[str, str], job: str | None = None) -> int:
    """Execute the run in ``directory``, as a part of a scheduler's ``job`` if there is one.

    Returns the exit code: 0 completed, 1 failed, 75 executed by another process. What goes wrong in the user's script
    is recorded as the run's failure.

    Raises:
        TypedxpError: the directory cannot be read.
        KeyboardInterrupt: the run was interrupted, and is marked cancelled.
        Stopped: it was stopped by another signal.
    """
    record, attempt = directory.read_record(), directory.read_status().attempt + 1
    switch = StopSwitch()
    run: Run[Any] = Run(directory.path, attempt=attempt, timestamps=record.recording.timestamps, switch=switch)
    run.environment, run.job = _environment(directory, record), job

    def work() -> None:
        missing = sorted(set(record.secrets) - set(secrets))
        if missing:
            raise ExecutionError(f"Run {record.id} needs secrets that are not written down: {', '.join(missing)}.")
        ref, explaining = _enter(record)
        with explaining:
            declaration = load(ref)
            judge = Judge(declaration.type, declaration.schema)
            run.prepare(judge.restore(directory.read_config(), record.members, secrets), declaration.metrics)
            collect_again()
            declaration.call(run.config, run)

    status = perform(directory, work, run, switch, record.recording, shown=False, secrets=secrets)
    if status.pid != os.getpid():
        return ELSEWHERE
    return 0 if status.status is RunStatus.COMPLETED else 1


def _environment(directory: RunDirectory, record: RunRecord) -> str | None:
    """Write down the environment of this process; return its digest, if it is not that of the launch."""
    digest = record.environment.document
    if digest is None:
        return None
    store = Store(directory.path.parent)
    # What cannot be written down is no reason not to run.
    with suppress(OSError, StoreError):
        launched = store.read_environment(digest)
        same_place = os.uname().nodename == record.environment.host and sys.executable == record.environment.executable
        if not same_place or variables(launched.patterns) != launched.variables:
            here = store.write_document(describe_here(launched))
            return here if here != digest else None
    return None


def _enter(record: RunRecord) -> tuple[ExperimentRef, AbstractContextManager[None]]:
    """Go to where the run was launched, in its checkout if it has one; return where the experiment is there."""
    if Path(record.cwd).is_dir():
        os.chdir(record.cwd)
    if record.checkout is None or record.code is None:
        return record.experiment, nullcontext()
    moved = Moved(record.code.root, record.checkout)
    enter(moved, record.cwd)
    file = record.experiment.file
    return replace(record.experiment, file=moved.path(file) if file is not None else None), explained(moved)
