"""Owns worker processes on this machine: some at a time, until all runs have ended."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace

from typedxp.errors import StoreError
from typedxp.stages.execute.perform import cancel, now
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.records import RunStatus, Status

_PATIENCE = 10.0
"""Seconds that an interrupted worker has to record how it ended, before it is killed."""

Started = tuple[RunDirectory, Mapping[str, str]]
"""A run to be started, and the secrets that its files do not hold."""


class Workers:
    """Processes that execute runs, each through the worker's entry point."""

    def __init__(self, jobs: int, started: Callable[[RunDirectory], None]) -> None:
        self._jobs = jobs
        self._started = started
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(self, runs: Sequence[Started], *, stop_on_error: bool) -> Iterator[tuple[RunDirectory, Status]]:
        """Execute all runs; yield each with its final status, as it ends.

        Raises:
            KeyboardInterrupt: the user stopped it; the workers were interrupted, and no run is left running.
        """
        with ThreadPoolExecutor(self._jobs) as pool:
            pending = {pool.submit(self._execute, *run): run[0] for run in runs}
            try:
                while pending:
                    done, _ = wait(pending, return_when=FIRST_COMPLETED)
                    for future in sorted(done, key=lambda future: pending[future].id):
                        status = future.result()
                        yield pending.pop(future), status
                        if stop_on_error and status.status is not RunStatus.COMPLETED:
                            self._stopped = True
            except BaseException:
                self.stop(pending)
                raise

    def stop(self, pending: Mapping[Future[Status], RunDirectory]) -> None:
        """Interrupt the workers, start no more, and wait until all have recorded how they ended."""
        self._stopped = True
        with self._lock:
            for process in self._processes:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGINT)
        _, hanging = wait(pending, timeout=_PATIENCE)
        if hanging:
            with self._lock:
                for process in self._processes:
                    process.kill()

    def _execute(self, directory: RunDirectory, secrets: Mapping[str, str]) -> Status:
        if self._stopped:
            cancel(directory, "not started")
            return directory.read_status()
        command = [sys.executable, "-m", "typedxp.worker", str(directory.path)]
        # A session of its own: Ctrl-C reaches the workers through us only, and each once.
        with directory.stdout.open("ab") as out, directory.stderr.open("ab") as err:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=err, start_new_session=True)
        with self._lock:
            self._processes.add(process)
        try:
            self._started(directory)
            process.communicate(json.dumps(dict(secrets)).encode())
        finally:
            with self._lock:
                self._processes.discard(process)
        return self._ended(directory, process.returncode)

    def _ended(self, directory: RunDirectory, code: int) -> Status:
        """Return how a run ended; a worker that was killed cannot have recorded it."""
        try:
            status = directory.read_status()
        except StoreError as error:
            return Status(RunStatus.FAILED, end=now(), cause=str(error))
        killed = -code if code < 0 else None
        status = replace(status, exit_code=code if code >= 0 else None, signal=killed)
        if not status.status.final:
            cause = f"The worker was ended by signal {killed}." if killed else f"The worker exited with code {code}."
            word = RunStatus.CANCELLED if self._stopped else RunStatus.FAILED
            status = replace(status, status=word, end=now(), cause=cause)
        with suppress(OSError):
            directory.write_status(status)
        return status
