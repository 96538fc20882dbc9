"""Owns the way from a plan to runs: allocate, snapshot, execute."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.errors import ExecutionError, StoreError
from typedxp.runner.asking import offer_commit
from typedxp.runner.checkouts import checkout_for, settle_paths
from typedxp.runner.garbage import seldom_collected
from typedxp.runner.planning import Launch
from typedxp.runner.surroundings import environment_of, inputs_of
from typedxp.stages.allocate import Origin, allocate
from typedxp.stages.declare.declaration import Declaration
from typedxp.stages.execute.interrupt import uninterrupted
from typedxp.stages.execute.perform import cancel, perform
from typedxp.stages.execute.processes import Workers
from typedxp.stages.record import Run
from typedxp.stages.snapshot.snapshot import require_snapshot, take_snapshot
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.declared import declared
from typedxp.vocabulary.plan import Judged
from typedxp.vocabulary.records import BAD, Code, Recording, RunStatus, Status
from typedxp.vocabulary.stopping import StopSwitch
from typedxp.vocabulary.telling import tell

if TYPE_CHECKING:
    from typedxp.vocabulary.settings import Settings

Started = Callable[[RunDirectory], None]
"""Is told of every run that starts."""

Ended = tuple[RunDirectory, Status]


def check(what: Launch) -> None:
    """Make sure that a launch can go on, as far as can be said without writing anything.

    Raises:
        StoreError: the store cannot be used.
        ExecutionError: worker processes would not find the experiment.
    """
    Store(what.settings.logs).check()
    if what.elsewhere:
        check_importable(what.declaration)


def snapshot(what: Launch) -> Code | None:
    """Keep the code that the runs are made of, as ``xp.snapshot`` asks for; say so where it cannot be kept.

    Raises:
        SnapshotError: the code is refused; nothing was written.
    """
    script = Path(what.declaration.ref.file) if what.declaration.ref.file is not None else None
    place = script.parent if script is not None else Path.cwd()
    if what.settings.snapshot == "ask":
        offer_commit(place, what.settings.logs)
    taken = take_snapshot(place, what.settings, script)
    if what.profile is not None:
        require_snapshot(taken, what.settings)
    if taken.note is not None:
        tell(taken.note)
    return taken.code


def launch(what: Launch, code: Code | None, command: Sequence[str], started: Started) -> Generator[Ended]:
    """Allocate and execute the runs of a plan; yield each with its final status, as it ends.

    Make sure by :func:`check` that they can go on, and keep their ``code``, before.

    Raises:
        StoreError: the store cannot be used; nothing is left behind.
        ExecutionError: the runs cannot be started.
        KeyboardInterrupt: the user stopped it; runs that have not ended are marked cancelled.
        Stopped: another signal stopped it, likewise.
    """
    with seldom_collected():
        waiting = allocate_runs(what, code, command)
    yield from execute(what.declaration, what.settings, waiting, started)


def allocate_runs(what: Launch, code: Code | None, command: Sequence[str]) -> dict[RunDirectory, Judged]:
    """Give the runs of a plan their directories.

    Raises:
        StoreError: the store cannot be used; nothing is left behind.
        ExecutionError: the files that the runs are to execute cannot be made.
    """
    declaration, ref = what.declaration, what.declaration.ref
    checkout = checkout_for(what, code)
    plan = settle_paths(what, code, checkout) if code is not None and checkout is not None else what.plan
    origin = Origin(
        experiment=ref,
        schema=declaration.schema,
        metrics=declared(declaration.metrics) if declaration.metrics is not None else {},
        code=code,
        checkout=str(checkout) if checkout is not None else None,
        recording=_recording(what.settings),
        command=command,
        tags=tuple(what.settings.tags),
        environment=environment_of(what.settings, code),
        inputs=inputs_of(plan),
        submitted=what.profile is not None,
    )
    directories = allocate(Store(what.settings.logs), plan, origin)
    return dict(zip(directories, (run.judged for run in plan.runs), strict=True))


def execute(
    declaration: Declaration, settings: Settings, waiting: dict[RunDirectory, Judged], started: Started
) -> Generator[Ended]:
    """Execute runs that have their directories; yield each with its final status, as it ends.

    Raises:
        KeyboardInterrupt: the user stopped it; runs that have not ended are marked cancelled.
        Stopped: another signal stopped it, likewise.
    """
    executing = _in_workers if settings.jobs is not None else _in_process
    cause = "not started, since the sweep was interrupted"
    try:
        with closing(executing(declaration, settings, waiting, started)) as ended:
            for directory, status in ended:
                del waiting[directory]
                if status.status in BAD and settings.on_error == "stop":
                    cause = f"not started, since run {directory.id} failed"
                yield directory, status
    finally:
        with uninterrupted():
            _cancel(waiting, cause)


def check_importable(declaration: Declaration) -> None:
    """Make sure that worker processes will find the experiment.

    Raises:
        ExecutionError: they will not.
    """
    name = declaration.function.__module__
    ref = declaration.ref
    # The file of what comes from a pipe is called `<stdin>`.
    if ref.module is None and (ref.file is None or not Path(ref.file).exists()):
        raise ExecutionError(
            f"{declaration.name} was typed into a notebook or a prompt, where worker processes cannot find it. "
            "Put it into a Python file and import it from there, or leave out xp.jobs to run it here."
        )
    if declaration not in vars(sys.modules[name]).values():
        raise ExecutionError(
            f"{declaration.name} is no variable of the module {name}, where worker processes look for it. "
            "Define it at the top level of a Python file, or leave out xp.jobs to run it here."
        )


def _recording(settings: Settings) -> Recording:
    return Recording(settings.capture, settings.timestamps, settings.monitor)


def _in_process(
    declaration: Declaration, settings: Settings, waiting: Mapping[RunDirectory, Judged], started: Started
) -> Generator[Ended]:
    for directory, judged in list(waiting.items()):
        started(directory)
        status = _perform(declaration, directory, judged, _recording(settings))
        yield directory, status
        if status.status in BAD and settings.on_error == "stop":
            return


def _perform(declaration: Declaration, directory: RunDirectory, judged: Judged, recording: Recording) -> Status:
    switch = StopSwitch()
    attempt = directory.read_status().attempt + 1
    run: Run[Any] = Run(directory.path, attempt=attempt, timestamps=recording.timestamps, switch=switch)
    run.prepare(judged.config, declaration.metrics)

    def work() -> None:
        declaration.call(judged.config, run)

    return perform(directory, work, run, switch, recording, shown=True, secrets=judged.secrets)


def _in_workers(
    _: Declaration, settings: Settings, waiting: Mapping[RunDirectory, Judged], started: Started
) -> Generator[Ended]:
    workers = Workers(settings.jobs or 1, started)
    runs = [(directory, judged.secrets) for directory, judged in waiting.items()]
    yield from workers.run(runs, stop_on_error=settings.on_error == "stop")


def _cancel(runs: Iterable[RunDirectory], cause: str) -> None:
    """Mark those of the runs that were not started."""
    for directory in runs:
        with suppress(OSError, StoreError):
            if directory.read_status().status is RunStatus.PLANNED:
                cancel(directory, cause)
