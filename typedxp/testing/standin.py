"""Owns the engine of stand-in clusters: a queue of jobs that are really executed, here, whatever their scheduler.

A stand-in for a scheduler is a :class:`StandIn`: a shell that understands the scheduler's commands, and answers in its
words. It says which ``programs`` there are: functions from the words of a command to an :class:`Answer`. A program that
submits reads the directives of the script, refuses what the original refuses by raising :class:`Refused`, and calls
:meth:`StandIn.enqueue` with what they mean. One that answers looks at ``jobs``, and prints what the original would of
their elements. One that acts calls ``cancel``, ``hold``, ``release`` or ``requeue``. The rest is done here: whenever
a command is given, what has ended is noticed, and what may start is started. See :mod:`typedxp.testing.slurm`.
"""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self
from weakref import finalize

from typedxp.errors import SchedulerError
from typedxp.schedulers.shell import Command, Reply, start

if TYPE_CHECKING:
    from subprocess import Popen


class Phase(StrEnum):
    """Where an element stands in its queue."""

    QUEUED = "queued"
    HELD = "held"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"


class Cause(StrEnum):
    """Why an element ended, if not by itself."""

    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    NODE_FAILED = "node_failed"
    PREEMPTED = "preempted"
    NO_OUTPUT = "no_output"
    """The file of its output, or its directory, could not be opened."""
    DEPENDENCY = "dependency"
    """A job that it was to wait for has failed."""


class Refused(Exception):
    """What a program of a stand-in raises in order to fail: its exit code, and what it says."""

    def __init__(self, code: int, err: str, out: str = "") -> None:
        super().__init__(err)
        self.answer = Answer(out, err, code)


@dataclass(frozen=True)
class Answer:
    """What a program of a stand-in prints, and its exit code."""

    out: str = ""
    err: str = ""
    code: int = 0


Program = Callable[[Sequence[str]], Answer]
"""Reads the words of a command after its name, and acts."""


@dataclass
class FakeJob:
    """A job of a stand-in. Times are seconds of its scheduler; ``after`` are the jobs to wait for, or elements.

    ``output`` names the file of an element's output, ``environ`` the variables of the scheduler that it sees.
    ``warning`` is a signal, and how many seconds before the limit it is sent. ``options`` is for the stand-in's
    own use.
    """

    script: str
    name: str
    directory: Path
    output: Callable[[FakeElement], Path]
    environ: Callable[[FakeElement], Mapping[str, str]]
    indices: Sequence[int] | None = None
    throttle: int | None = None
    limit: float | None = None
    warning: tuple[signal.Signals, float] | None = None
    after: Sequence[str] = ()
    held: bool = False
    requeues: bool = True
    inherits: bool = True
    options: Mapping[str, str] = field(default_factory=dict)
    number: str = ""
    elements: list[FakeElement] = field(default_factory=list)


@dataclass(eq=False)
class FakeElement:
    """An element of a job, or a job that is no array: ``index`` is None then. ``number`` is one of its own."""

    job: FakeJob
    index: int | None
    phase: Phase = Phase.QUEUED
    number: str = ""
    code: int = 0
    signal: int = 0
    cause: Cause | None = None
    restarts: int = 0
    warned: bool = False
    again: bool = False
    started: float = 0.0
    stopped: float = 0.0
    process: Popen[bytes] | None = None

    @property
    def waiting(self) -> bool:
        """Whether it has not started yet."""
        return self.phase in (Phase.QUEUED, Phase.HELD)

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self.phase in (Phase.RUNNING, Phase.STOPPING)

    @property
    def succeeded(self) -> bool:
        """Whether it has ended, and well."""
        return self.phase is Phase.ENDED and not (self.code or self.signal or self.cause)


class StandIn(ABC):
    """A shell with a scheduler behind it, which executes ``slots`` elements at a time. It ends what runs when closed.

    ``speed`` is how many seconds of the scheduler pass in one second: limits of minutes are over in seconds.
    ``commands`` are all commands that were given.
    """

    grace: ClassVar[float] = 1.0
    """Real seconds between a request to stop and the end; 0 if there is no request."""
    stop: ClassVar[signal.Signals] = signal.SIGTERM
    """The signal by which elements are asked to stop."""
    first_number: ClassVar[int] = 1

    def __init__(self, slots: int = 4, speed: float = 1.0) -> None:
        self.slots = slots
        self.speed = speed
        self.commands: list[tuple[str, ...]] = []
        self.jobs: dict[str, FakeJob] = {}
        self.broken: dict[str, Answer | SchedulerError] = {}
        self._numbers = self.first_number
        self._spool = Path(mkdtemp(prefix="typedxp-standin-"))
        self._running: list[FakeElement] = []
        self._lock = RLock()
        self._without: tuple[str, ...] = ()
        self._end = finalize(self, _end, self._running, self._spool)

    @property
    @abstractmethod
    def programs(self) -> Mapping[str, Program]:
        """What can be executed, by name."""

    # What a shell is

    def __call__(self, command: Command) -> Reply:
        """Execute a command.

        Raises:
            SchedulerError: there is no such command here.
        """
        with self._lock:
            self.commands.append(command.words)
            self._without = command.without
            self.advance()
            answer = self._answer(command)
            self.advance()
            return Reply(command, answer.code, answer.out, answer.err)

    def _answer(self, command: Command) -> Answer:
        name, *words = command.words
        if name not in self.programs:
            raise SchedulerError(f"There is no command {name!r} on this machine.")
        if isinstance(broken := self.broken.get(name), SchedulerError):
            raise broken
        if broken is not None:
            return broken
        try:
            # What a command reads is its last word, as if it had been told to read a file.
            read = [str(command.stdin_file)] if command.stdin_file is not None else []
            return self.programs[name]([*words, *read])
        except Refused as refusal:
            return refusal.answer

    def breaks(self, program: str, answer: Answer | SchedulerError) -> None:
        """Let a program give this answer from now on, or none (an error), whatever it is asked."""
        self.broken[program] = answer

    def mend(self) -> None:
        """Let all programs work again."""
        self.broken.clear()

    def close(self) -> None:
        """End all that runs."""
        self._end()

    def __enter__(self) -> Self:
        """Return the stand-in itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    # What its programs do

    def number(self) -> str:
        """Return the next number of a job."""
        self._numbers += 1
        return str(self._numbers - 1)

    def enqueue(self, job: FakeJob) -> FakeJob:
        """Put a job into the queue, and give it a number."""
        job.number = job.number or self.number()
        phase = Phase.HELD if job.held else Phase.QUEUED
        job.elements = [
            FakeElement(job, index, phase) for index in (job.indices if job.indices is not None else [None])
        ]
        spooled = self._spool / job.number
        # Schedulers keep the script as it was.
        spooled.write_text(job.script)
        self.jobs[job.number] = job
        return job

    def elements(self) -> Iterator[FakeElement]:
        """Go through the elements of all jobs, in the order of their submission."""
        for job in self.jobs.values():
            yield from job.elements

    def named(self, name: str) -> list[FakeElement]:
        """Find the elements of ``7`` or ``7[]``, or of ``7[3]``."""
        number, _, index = name.rstrip("]").partition("[")
        elements = self.jobs[number].elements if number in self.jobs else []
        return [element for element in elements if not index or str(element.index) == index]

    def cancel(self, element: FakeElement) -> None:
        """End an element, running or not."""
        self.strike(element, Cause.CANCELLED)

    def hold(self, element: FakeElement) -> None:
        """Keep an element from starting."""
        if element.phase is Phase.QUEUED:
            element.phase = Phase.HELD

    def release(self, element: FakeElement) -> None:
        """Let a held element start."""
        if element.phase is Phase.HELD:
            element.phase = Phase.QUEUED

    def requeue(self, element: FakeElement) -> None:
        """Stop an element, and put it back into the queue."""
        if element.running:
            element.again = True
            self._stop(element)

    def strike(self, element: FakeElement, cause: Cause) -> None:
        """Let something end an element."""
        if element.waiting:
            element.phase, element.cause = Phase.ENDED, cause
        elif element.running:
            element.cause, element.again = cause, False
            self._stop(element)

    def preempt(self, element: FakeElement) -> None:
        """Take the place of a running element: it goes back to the queue, if it may."""
        if element.job.requeues:
            self.requeue(element)
        else:
            self.strike(element, Cause.PREEMPTED)

    def forget(self) -> None:
        """Forget all jobs that have ended, as schedulers do after a while."""
        self.jobs = {
            number: job
            for number, job in self.jobs.items()
            if any(element.phase is not Phase.ENDED for element in job.elements)
        }

    def drain(self, patience: float = 60.0) -> None:
        """Go on until nothing runs, and nothing can start.

        Raises:
            TimeoutError: that takes more seconds than ``patience``.
        """
        end = time.monotonic() + patience
        while self._moves():
            if time.monotonic() > end:
                raise TimeoutError(f"Jobs still run after {patience:.0f} s")
            time.sleep(0.01)

    def _moves(self) -> bool:
        with self._lock:
            self.advance()
            return bool(self._running)

    # What happens by itself

    def advance(self) -> None:
        """Notice what has ended, stop what is over its time, and start what may start."""
        for element in list(self._running):
            self._watch(element)
        for job in self.jobs.values():
            if queued := [element for element in job.elements if element.phase is Phase.QUEUED]:
                self._try(job, queued)

    def satisfied(self, job: FakeJob) -> bool | None:
        """Whether what a job was to wait for has ended well; None if it has not yet. A job that is not there has."""
        before = [element for name in job.after for element in self.named(name)]
        if any(element.phase is Phase.ENDED and not element.succeeded for element in before):
            return False
        return True if all(element.succeeded for element in before) else None

    def _try(self, job: FakeJob, queued: Sequence[FakeElement]) -> None:
        satisfied = self.satisfied(job)
        if satisfied is None:
            return
        for element in queued:
            at_work = sum(each.job is job for each in self._running)
            if not satisfied:
                self.strike(element, Cause.DEPENDENCY)
            elif len(self._running) < self.slots and (job.throttle is None or at_work < job.throttle):
                self._start(element)

    def _start(self, element: FakeElement) -> None:
        job = element.job
        element.number = element.number or (job.number if element.index is None else self.number())
        # What jobs inherit, they inherit from us.
        inherited = (
            os.environ if job.inherits else {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        )
        env = {key: text for key, text in inherited.items() if not any(fnmatchcase(key, p) for p in self._without)}
        try:
            words = ("/bin/bash", str(self._spool / job.number))
            element.process = start(words, {**env, **job.environ(element)}, job.directory, job.output(element))
        except OSError:
            element.phase, element.cause = Phase.ENDED, Cause.NO_OUTPUT
            return
        element.phase, element.started, element.warned = Phase.RUNNING, time.monotonic(), False
        self._running.append(element)

    def _watch(self, element: FakeElement) -> None:
        process, job = element.process, element.job
        if process is None or process.poll() is not None:
            self._ended(element)
            return
        now = time.monotonic()
        passed = (now - element.started) * self.speed
        if element.phase is Phase.STOPPING and now - element.stopped >= self.grace:
            _signal(process, signal.SIGKILL)
        elif element.phase is Phase.RUNNING and job.limit is not None and passed >= job.limit:
            self.strike(element, Cause.TIMEOUT)
        elif job.limit is not None and job.warning is not None and passed >= job.limit - job.warning[1]:
            if not element.warned:
                process.send_signal(job.warning[0])
            element.warned = True

    def _stop(self, element: FakeElement) -> None:
        assert element.process is not None, "what runs has a process"
        element.phase, element.stopped = Phase.STOPPING, time.monotonic()
        _signal(element.process, self.stop if self.grace else signal.SIGKILL)

    def _ended(self, element: FakeElement) -> None:
        self._running.remove(element)
        status = element.process.returncode if element.process is not None else 0
        element.process = None
        if element.again:
            element.phase, element.again, element.restarts = Phase.QUEUED, False, element.restarts + 1
            return
        element.phase, element.code, element.signal = Phase.ENDED, max(status, 0), max(-status, 0)


def _signal(process: Popen[bytes], what: signal.Signals) -> None:
    try:
        os.killpg(process.pid, what)
    except ProcessLookupError:
        # It has just ended.
        return


def _end(running: list[FakeElement], spool: Path) -> None:
    for element in running:
        if element.process is not None:
            _signal(element.process, signal.SIGKILL)
            element.process.wait()
    running.clear()
    rmtree(spool, ignore_errors=True)
