"""Owns one element while it runs: its start, its limits, its signals, and the record of its end.

A shepherd is a process of its own, so that limits hold and ends are recorded whatever becomes of the dispatcher.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from typedxp.schedulers.queue.files import QueueFiles
from typedxp.schedulers.queue.machine import POOL, belonging
from typedxp.schedulers.queue.options import output_path
from typedxp.schedulers.queue.words import QueuedJob, Record, Word
from typedxp.schedulers.shell import Process, start
from typedxp.vocabulary.processes import process_start

CANCEL = signal.SIGUSR1
"""Asks a shepherd to cancel its element."""
REQUEUE = signal.SIGUSR2
"""Asks a shepherd to stop its element, and to queue it again."""
REQUEUE_CODE = 99
"""The exit code by which an element asks to be queued again."""
HANDLED = (CANCEL, REQUEUE, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""What ends no shepherd; its program inherits none of it."""
_MARK = "TYPEDXP_LOCAL_ELEMENT"
_LOOK = 0.05


class Shepherd:
    """Sees one element through."""

    def __init__(self, files: QueueFiles, job: QueuedJob, name: str, record: Record) -> None:
        """Take charge of an element that is recorded as started by us."""
        self._files = files
        self._job = job
        self._name = name
        self._record = record
        self._stopped: Word | None = None
        self._kill_at: float | None = None
        self._asked: list[int] = []
        self._pipe = os.pipe()

    def tend(self) -> None:
        """Start the program, and stay until it has ended and that is recorded."""
        for end in self._pipe:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        for number in HANDLED:
            signal.signal(number, self._heed)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        try:
            process = self._start()
        except (OSError, ValueError) as error:
            self._write(replace(self._record, word=Word.FAILED, reason=f"It cannot be started: {error}"))
            return
        self._record = replace(self._record, program=process.pid, program_start=process_start(process.pid))
        # The dispatcher can do without: this is for the case that nobody is left but the program.
        with suppress(OSError):
            self._files.write_record(self._job, self._name, self._record)
        self._watch(process)
        self._clear(process)
        self._write(self._ended(process.returncode))

    def _heed(self, number: int, _frame: object) -> None:
        if number in (CANCEL, REQUEUE):
            self._asked.append(number)

    def _start(self) -> Process:
        os.umask(self._job.umask)
        output = output_path(self._job.options, self._job.directory, self._name)
        words = [*_interpreter(self._files.script(self._job)), str(self._files.script(self._job))]
        environment = {**self._files.environment(self._job), **self._variables()}
        process = start(words, environment, Path(self._job.directory), output)
        os.umask(0o077)
        return process

    def _variables(self) -> dict[str, str]:
        options, (number, _, index) = self._job.options, self._name.partition("_")
        variables = {"TYPEDXP_LOCAL_JOB_ID": number, _MARK: _mark(self._files, self._name)}
        if index:
            variables["TYPEDXP_LOCAL_TASK_ID"] = index
        if options.gpus is not None:
            # By the numbers of nvidia-smi.
            variables |= {"CUDA_VISIBLE_DEVICES": ",".join(self._record.gpus), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        return variables | ({POOL: ",".join(options.gpu_ids)} if options.gpus else {})

    def _watch(self, process: Process) -> None:
        """Wait for the end of the program, and signal it when it is time, or when that is asked for."""
        options, begin = self._job.options, time.monotonic()
        limit = begin + options.time if options.time is not None else None
        warning = limit - options.warn if limit is not None and options.warn is not None else None
        while process.poll() is None:
            moment = time.monotonic()
            if warning is not None and moment >= warning:
                warning = None
                process.send_signal(signal.SIGUSR1)
            if limit is not None and moment >= limit:
                limit = None
                self._stop(process, Word.TIMEOUT)
            while self._asked:
                self._stop(process, Word.CANCELLED if self._asked.pop(0) == CANCEL else Word.QUEUED)
            if self._kill_at is not None and moment >= self._kill_at:
                self._kill_at = moment + 1.0
                self._signal_all(process, signal.SIGKILL)
            self._sleep([each for each in (warning, limit, self._kill_at) if each is not None])

    def _stop(self, process: Process, cause: Word) -> None:
        """Ask the program to stop, once; a later cancel overrules why."""
        if self._stopped is None:
            # The program itself, not what it has started: it may need that to come to an end.
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
            self._kill_at = time.monotonic() + self._job.options.grace
        if self._stopped is None or cause is Word.CANCELLED:
            self._stopped = cause

    def _sleep(self, deadlines: list[float]) -> None:
        timeout = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
        select.select([self._pipe[0]], [], [], timeout)
        with suppress(BlockingIOError):
            os.read(self._pipe[0], 4096)

    def _clear(self, process: Process) -> None:
        """End what the program has left behind, so that nobody else gets its GPUs before they are free."""
        end = self._kill_at or time.monotonic() + self._job.options.grace
        for number in (signal.SIGTERM, signal.SIGCONT):
            if not self._signal_all(process, number):
                return
        while self._signal_all(process, signal.SIGKILL if time.monotonic() >= end else 0):
            time.sleep(_LOOK)

    def _signal_all(self, process: Process, number: int) -> bool:
        return signal_all(self._files, self._name, process.pid, number)

    def _ended(self, code: int) -> Record:
        exit_code, number = (code, None) if code >= 0 else (None, -code)
        word, reason = self._stopped or (Word.FAILED if code else Word.COMPLETED), None
        if self._stopped is not Word.CANCELLED and code == REQUEUE_CODE and self._job.options.requeue:
            word = Word.QUEUED
        if word is Word.QUEUED:
            return Record(word, self._record.attempt, reason=f"queued again, after exit code {code}")
        if word is Word.TIMEOUT:
            reason = f"TIMEOUT after {self._job.options.time:g} s, {_end(code)}"
        return replace(self._record, word=word, exit_code=exit_code, signal=number, reason=reason or _end(code))

    def _write(self, record: Record) -> None:
        """Record the end, as soon as there is room on the disk."""
        record = record if not record.word.final else replace(record, ended=time.time())
        while True:
            try:
                self._files.write_record(self._job, self._name, record)
            except FileNotFoundError:
                # Somebody has removed the queue.
                return
            except OSError:
                time.sleep(1.0)
            else:
                return


def signal_all(files: QueueFiles, name: str, program: int | None, number: int) -> bool:
    """Signal all processes of an element; return whether there are any. 0 does nothing to them.

    ``program`` is None when that has ended: its number may be that of another one.
    """
    pids = list(belonging(program, _MARK, _mark(files, name)))
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    return bool(pids)


def _mark(files: QueueFiles, name: str) -> str:
    return f"{files.root}/{name}"


def _interpreter(script: Path) -> Iterator[str]:
    """Yield the words of the first line of a script, as the kernel has them."""
    with script.open("rb") as file:
        line = os.fsdecode(file.readline(4096)).strip()
    yield from line[2:].split(None, 1) if line.startswith("#!") and line[2:].strip() else ["/bin/sh"]


def _end(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
