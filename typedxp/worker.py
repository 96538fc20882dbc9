"""Owns what happens inside a job: one run directory is read, and its run executed.

``python -P -m typedxp.worker logs/17`` is the runner's mirror. Everything it needs is in the directory, except secrets,
which come as a JSON object on standard input. It loads neither Hydra nor xarray nor git.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import io
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from typedxp.errors import ExecutionError, StoreError, TypedxpError
from typedxp.stages.declare.declaration import Declaration
from typedxp.stages.environment.document import describe_here
from typedxp.stages.environment.surroundings import variables
from typedxp.stages.execute.imports import Moved, enter, explained
from typedxp.stages.execute.perform import ELSEWHERE, perform
from typedxp.stages.record import Run
from typedxp.stages.validate.judge import Judge
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.records import ExperimentRef, RunRecord, RunStatus
from typedxp.vocabulary.stopping import Stopped, StopSwitch


def main(arguments: Sequence[str]) -> int:
    """Execute the run in one directory.

    Returns the exit code: 0 completed, 1 failed, 2 cannot be started, 75 executed by another process, 128 and the
    signal's number stopped.
    """
    if len(arguments) != 1:
        print("typedxp: Name one run directory: python -P -m typedxp.worker logs/17", file=sys.stderr)
        return 2
    directory = RunDirectory(Path(arguments[0]).absolute())
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            # What was printed can be read at once, and survives a kill.
            output.reconfigure(line_buffering=True)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As nohup has it for the launcher. Here, SIGINT is the launcher's word, and not that of a terminal.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return execute(directory, _read_secrets())
    except TypedxpError as error:
        print(f"typedxp: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Stopped as stopped:
        return 128 + stopped.request.signal


def execute(directory: RunDirectory, secrets: Mapping[str, str]) -> int:
    """Execute the run in ``directory``; what goes wrong in the user's script is recorded as the run's failure.

    Raises:
        TypedxpError: the directory cannot be read.
        KeyboardInterrupt: the run was interrupted, and is marked cancelled.
        Stopped: it was stopped by another signal.
    """
    record, attempt = directory.read_record(), directory.read_status().attempt + 1
    switch = StopSwitch()
    run: Run[Any] = Run(directory.path, attempt=attempt, timestamps=record.recording.timestamps, switch=switch)
    run.environment = _environment(directory, record)

    def work() -> None:
        missing = sorted(set(record.secrets) - set(secrets))
        if missing:
            raise ExecutionError(f"Run {record.id} needs secrets that are not written down: {', '.join(missing)}.")
        ref, explaining = _enter(record)
        with explaining:
            declaration = load(ref)
            judge = Judge(declaration.type, declaration.schema)
            run.prepare(judge.restore(directory.read_config(), record.members, secrets), declaration.metrics)
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


def load(ref: ExperimentRef) -> Declaration:
    """Import the experiment that a run is of.

    Raises:
        ExecutionError: its module does not hold it, or cannot be imported without being run.
    """
    try:
        module = _import(ref)
    except SystemExit as error:
        raise ExecutionError(
            f"{ref.file or ref.module} exits when it is imported, which every worker process does. "
            f'Call {ref.name}.main() under `if __name__ == "__main__":` only.'
        ) from error
    for value in vars(module).values():
        if isinstance(value, Declaration) and value.name == ref.name and value.ref.function == ref.function:
            return value
    raise ExecutionError(f"{ref.file or ref.module} holds no experiment called {ref.name!r}.")


def _import(ref: ExperimentRef) -> ModuleType:
    if ref.module is not None:
        if ref.file is not None:
            _find(ref.module, Path(ref.file))
        return importlib.import_module(ref.module)
    if ref.file is None:
        raise ExecutionError(f"{ref.name} was typed into a notebook: a worker has no file to load it from.")
    return _import_file(Path(ref.file))


def _find(module: str, file: Path) -> None:
    """Put the directory that a module was imported from on the path, if it is not there."""
    names = module.split(".")
    place = file.parent if file.name == "__init__.py" else file.with_suffix("")
    if list(place.parts[-len(names) :]) == names:
        root = str(place.parents[len(names) - 1])
        if root not in sys.path:
            sys.path.insert(0, root)


def _import_file(path: Path) -> ModuleType:
    """Load a script under its own name, so that what it defines can be pickled and imported by its children."""
    sys.path.insert(0, str(path.parent))
    name = path.stem if path.stem.isidentifier() and path.stem not in sys.modules else f"typedxp_script_{path.stem}"
    # Said explicitly: a script may have any suffix, or none.
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or not path.exists():
        raise ExecutionError(f"{path} cannot be loaded: there is no such file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def _read_secrets() -> dict[str, str]:
    text = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    try:
        secrets = json.loads(text) if text.strip() else {}
    except ValueError:
        secrets = None
    if not isinstance(secrets, dict):
        raise ExecutionError("Standard input holds no JSON object of secrets.")
    return secrets


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
