"""Owns worker processes on this machine: some at a time, until all runs have ended."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from typedxp.errors import StoreError
from typedxp.stages.execute.interrupt import uninterrupted
from typedxp.stages.execute.orphans import LAUNCHER
from typedxp.stages.execute.perform import ELSEWHERE
from typedxp.stages.execute.signals import GRACE, armed, stop_signals
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.records import BAD, RunStatus, Status
from typedxp.vocabulary.stopping import StopSwitch

if TYPE_CHECKING:
    import subprocess
    from concurrent.futures import Future

_PATIENCE = 10.0
"""Seconds that an interrupted worker has to record how it ended, before it is killed."""

Started = tuple[RunDirectory, Mapping[str, str]]
"""A run to be started, and the secrets that its files do not hold."""


class Workers:
    """Processes that execute runs, each through the worker's entry point."""

    def __init__(self, jobs: int, started: Callable[[RunDirectory], None], name: str | None = None) -> None:
        """Execute ``jobs`` at a time; ``name`` is what a scheduler calls the job that we are."""
        self._name = name
        # In a job, its scheduler says how long.
        self._patience = float(os.environ.get(GRACE, _PATIENCE)) if name is not None else _PATIENCE
        self._jobs = jobs
        self._started = started
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self._interrupted = False

    def run(self, runs: Sequence[Started], *, stop_on_error: bool) -> Iterator[tuple[RunDirectory, Status]]:
        """Execute runs; yield each with its final status, as it ends. After a failure that stops, no more are started.

        Raises:
            KeyboardInterrupt: the user stopped it; the workers were interrupted, and no run is left running.
            Stopped: another signal stopped it, and was passed on likewise.
        """
        from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

        switch = StopSwitch()
        with ThreadPoolExecutor(self._jobs) as pool, stop_signals(switch), armed(switch):
            execute = self._execute_or_stop if stop_on_error else self._execute
            pending = {pool.submit(execute, *run): run[0] for run in runs}
            try:
                while pending:
                    done, _ = wait(pending, return_when=FIRST_COMPLETED)
                    for future in sorted(done, key=lambda future: pending[future].id):
                        directory, status = pending.pop(future), future.result()
                        if status is not None:
                            yield directory, status
            except BaseException:
                self._stop(pending, switch.request.signal if switch.request is not None else signal.SIGINT)
                raise

    def _stop(self, pending: Iterable[Future[Status | None]], number: int) -> None:
        """Start no more, signal the workers, and wait until they have recorded how they ended, or kill them."""
        from concurrent.futures import wait

        self._stopped = self._interrupted = True
        try:
            self._signal(number)
            wait(pending, timeout=self._patience)
        finally:
            # Out of patience, or of the user's, who pressed Ctrl-C once more.
            with uninterrupted():
                self._signal(signal.SIGKILL)
                wait(pending)

    def _signal(self, number: int) -> None:
        with self._lock:
            for process in self._processes:
                with suppress(ProcessLookupError):
                    process.send_signal(number)

    def _execute_or_stop(self, directory: RunDirectory, secrets: Mapping[str, str]) -> Status | None:
        status = self._execute(directory, secrets)
        # Here, before this thread goes on to the next run.
        self._stopped |= status is not None and status.status in BAD
        return status

    def _execute(self, directory: RunDirectory, secrets: Mapping[str, str]) -> Status | None:
        """Execute a run; return None if it is not to be started any more."""
        try:
            process = self._start(directory)
        except OSError as error:
            status = Status(RunStatus.FAILED, end=now(), cause=f"The worker cannot be started: {error}")
            with suppress(OSError):
                directory.write_status(status)
            return status
        if process is None:
            return None
        try:
            self._started(directory)
            process.communicate(json.dumps(dict(secrets)).encode())
        finally:
            with self._lock:
                self._processes.discard(process)
        return self._ended(directory, process.returncode)

    def _start(self, directory: RunDirectory) -> subprocess.Popen[bytes] | None:
        import subprocess

        # -P: the user's files are put on the path by the worker, where they were for the launcher.
        command = [sys.executable, "-P", "-m", "typedxp.worker", *self._run(directory)]
        # Under the lock, so that each worker is started before the others are stopped, or not at all.
        with self._lock, directory.stdout.open("ab") as out, directory.stderr.open("ab") as err:
            if self._stopped:
                return None
            # What a launcher here leaves behind goes on, and says so; the place of a job that has ended is another's.
            tied = {LAUNCHER: str(os.getpid())} if self._name is not None else {}
            # A session of its own: Ctrl-C reaches the workers through us only, and each once.
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                env=os.environ | {GRACE: str(self._patience)} | tied,
                start_new_session=True,
            )
            self._processes.add(process)
        return process

    def _run(self, directory: RunDirectory) -> list[str]:
        return [str(directory.path)] if self._name is None else ["--run", str(directory.path), "--name", self._name]

    def _ended(self, directory: RunDirectory, code: int) -> Status:
        """Return how a run ended; a worker that was killed cannot have recorded it."""
        killed = -code if code < 0 else None
        try:
            status = directory.read_status()
        except StoreError as error:
            status = Status(RunStatus.FAILED, end=now(), cause=str(error))
        if code == ELSEWHERE:
            return status
        status = replace(status, exit_code=None if killed else code, signal=killed or status.signal)
        if not status.status.final:
            cause = f"The worker was ended by {_name(killed)}." if killed else f"The worker exited with code {code}."
            word = RunStatus.CANCELLED if self._interrupted else RunStatus.FAILED
            status = replace(status, status=word, end=now(), cause=cause)
        try:
            directory.write_status(status)
        except OSError as error:
            status = replace(status, cause=f"{status.cause or ''} The end cannot be recorded: {error}".strip())
        return status


def _name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
