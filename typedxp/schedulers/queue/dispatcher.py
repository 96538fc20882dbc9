"""Owns the process that starts elements when there is room, and does what is asked of it, until nothing is left."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from typedxp.schedulers.queue.choosing import choose
from typedxp.schedulers.queue.files import QueueFiles
from typedxp.schedulers.queue.machine import boot, cpus
from typedxp.schedulers.queue.presence import take_lock, wake
from typedxp.schedulers.queue.shepherd import CANCEL, HANDLED, REQUEUE, Shepherd, signal_all
from typedxp.schedulers.queue.tracked import Tracked, usage_of
from typedxp.schedulers.queue.words import Record, Word
from typedxp.vocabulary.processes import alive, process_start

_LOOK = 1.0
"""Seconds between two looks at processes that are not our children."""
_RETRY = 2.0
"""Seconds until what could not be written is tried again."""


class Dispatcher:
    """Starts elements, and keeps the records of those that do not run."""

    def __init__(self, files: QueueFiles, lock: int) -> None:
        """Find what an earlier dispatcher has left; ``lock`` is the descriptor of our lock."""
        self._files = files
        self._lock = lock
        self._boot = boot()
        self._jobs: dict[int, Tracked] = {}
        self._seen: set[int] = set()
        self._children: set[int] = set()
        with suppress(OSError):
            self._take_in()
            self._look_after_running()
        # Whoever can write to the pipe knows that we are here, and have looked at everything.
        self._pipe = os.open(files.pipe, os.O_RDWR | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._pipe, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        """Stay until nothing is left to do."""
        while True:
            try:
                self._turn()
                if not self._jobs and self._leave():
                    return
                pause = _LOOK if self._adopted() else None
            except OSError:
                if not self._files.jobs.exists():
                    # Somebody has removed the queue.
                    return
                # No room on the disk, as a rule.
                traceback.print_exc(file=sys.stderr)
                pause = _RETRY
            select.select([self._pipe], [], [], pause)
            with suppress(BlockingIOError):
                os.read(self._pipe, 65536)

    def _turn(self) -> None:
        self._reap()
        self._take_in()
        self._look_after_running()
        for path in self._files.asked():
            self._answer(path)
            path.unlink()
        self._settle()
        self._start_what_may()

    def _leave(self) -> bool:
        """Go, unless something has come meanwhile: whoever adds it later starts another dispatcher."""
        with self._files.locked():
            if self._files.asked() or set(self._files.numbers()) - self._seen:
                return False
            signal.set_wakeup_fd(-1)
            os.close(self._pipe)
            os.close(self._lock)
            return True

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                self._children.discard(pid)

    def _take_in(self) -> None:
        """Find the jobs that are new to us."""
        numbers = self._files.numbers()
        # A list that is empty since it cannot be read says nothing.
        self._forget([each for each in self._jobs.keys() - numbers if not (self._files.jobs / str(each)).exists()])
        new = [number for number in numbers if number not in self._seen]
        if new:
            self._files.prune()
        for number in new:
            self._seen.add(number)
            job = self._files.job(number) if not self._files.done(number) else None
            if job is not None:
                self._jobs[number] = Tracked(job, self._files.records(job))

    def _forget(self, removed: Iterable[int]) -> None:
        """Forget jobs whose files somebody has removed; what runs of them keeps its place until it has ended."""
        for number in removed:
            tracked = self._jobs[number]
            tracked.waiting.clear()
            if not any(self._is_here(tracked.records[name]) for name in tracked.running):
                del self._jobs[number]

    def _adopted(self) -> bool:
        """Whether something runs whose end nobody would tell us."""
        return any(job.records[name].pid not in self._children for job in self._jobs.values() for name in job.running)

    def _look_after_running(self) -> None:
        for tracked in self._jobs.values():
            for name in list(tracked.running):
                record = self._read(tracked, name)
                if record.word is Word.RUNNING and not self._is_here(record):
                    record = self._without_shepherd(tracked, name)
                tracked.put(name, record)

    def _without_shepherd(self, tracked: Tracked, name: str) -> Record:
        """Say where an element stands whose processes are gone."""
        # Once more: a shepherd writes before it ends.
        record = self._read(tracked, name)
        if record.word is Word.RUNNING:
            # What it has left behind may be using its GPUs.
            signal_all(self._files, name, None, signal.SIGKILL)
            record = self._vanished(tracked, record)
            self._files.write_record(tracked.job, name, record)
        return record

    def _read(self, tracked: Tracked, name: str) -> Record:
        """Read where an element stands that was running; what somebody has removed or damaged is remembered."""
        record = self._files.record(tracked.job, name)
        return record if record.attempt >= tracked.records[name].attempt else tracked.records[name]

    def _is_here(self, record: Record) -> bool:
        if record.boot != self._boot:
            return False
        return alive(record.pid, record.pid_start) or (
            record.program is not None and alive(record.program, record.program_start)
        )

    def _vanished(self, tracked: Tracked, record: Record) -> Record:
        if record.boot == self._boot:
            reason = f"Process {record.program or record.pid} is gone, and nobody has seen how it ended."
        elif tracked.job.options.requeue:
            return Record(Word.QUEUED, record.attempt, reason="queued again, since the machine was restarted")
        else:
            reason = "The machine was restarted."
        return replace(record, word=Word.VANISHED, ended=time.time(), reason=reason)

    def _answer(self, path: Path) -> None:
        """Do what is asked for; what cannot be read is passed over."""
        try:
            asked = json.loads(path.read_bytes())
            verb, names = str(asked["verb"]), [str(name) for name in asked["names"]]
        except (ValueError, TypeError, KeyError):
            return
        for tracked, name in self._meant(names):
            record = tracked.records[name]
            changed = self._changed(verb, name, record)
            if changed is not None:
                self._files.write_record(tracked.job, name, changed)
                tracked.put(name, changed)

    def _meant(self, names: Sequence[str]) -> Iterator[tuple[Tracked, str]]:
        """Yield the elements of jobs that have not ended; the name of a job stands for all of its elements."""
        for name in names:
            number = name.partition("_")[0]
            tracked = self._jobs.get(int(number)) if number.isdecimal() else None
            if tracked is not None:
                chosen = tracked.job.names if name == number else [name] if name in tracked.records else []
                yield from ((tracked, each) for each in chosen)

    def _changed(self, verb: str, name: str, record: Record) -> Record | None:
        """Return where an element stands then, or None if that does not change now."""
        if record.word is Word.RUNNING:
            if verb in ("cancel", "requeue"):
                self._signal(name, record, CANCEL if verb == "cancel" else REQUEUE)
            return None
        if verb == "cancel" and not record.word.final:
            return replace(record, word=Word.CANCELLED, ended=time.time(), reason="cancelled before it started")
        if verb == "hold" and record.word is Word.QUEUED:
            return replace(record, word=Word.HELD)
        if verb == "release" and record.word is Word.HELD:
            return replace(record, word=Word.QUEUED)
        return None

    def _signal(self, name: str, record: Record, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if record.pid is not None and alive(record.pid, record.pid_start):
                os.kill(record.pid, number)
            elif record.program is not None and alive(record.program, record.program_start):
                # Nobody is left who would wait until it has stopped.
                signal_all(self._files, name, record.program, signal.SIGKILL)

    def _settle(self) -> None:
        """Give up what waits in vain, and note what has ended."""
        for number, tracked in list(self._jobs.items()):
            failed = self._failed_before(tracked)
            if failed is not None:
                for name in tracked.waiting_or_held():
                    record = replace(
                        tracked.records[name],
                        word=Word.CANCELLED,
                        ended=time.time(),
                        reason=f"Job {failed}, which it was to run after, has not succeeded.",
                    )
                    self._files.write_record(tracked.job, name, record)
                    tracked.put(name, record)
            if tracked.ended:
                self._files.mark_done(tracked.job)
                del self._jobs[number]

    def _failed_before(self, tracked: Tracked) -> int | None:
        """Return a job that this was to run after, and that has ended without success."""
        for number in list(tracked.after):
            if number in self._jobs and not self._jobs[number].ended:
                continue
            before = self._files.job(number)
            if before is None or any(r.word is not Word.COMPLETED for r in self._files.records(before).values()):
                return number
            tracked.after.discard(number)
        return None

    def _start_what_may(self) -> None:
        usage = usage_of(self._jobs.values())
        demands = [tracked.demand for tracked in self._jobs.values() if tracked.waiting and not tracked.after]
        for number, gpus in list(choose(demands, usage, cpus())):
            tracked = self._jobs[number]
            self._start(tracked, tracked.waiting[0], gpus)

    def _start(self, tracked: Tracked, name: str, gpus: tuple[str, ...]) -> None:
        """Start a shepherd. It waits until it is recorded, or we are gone: nothing is started twice, or unrecorded."""
        gate, opened = os.pipe()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        try:
            pid = os.fork()
            if pid == 0:
                self._become_shepherd(tracked, name, gate, opened)
            self._children.add(pid)
            attempt = tracked.records[name].attempt + 1
            record = Record(Word.RUNNING, attempt, self._boot, pid, process_start(pid), gpus=gpus, started=time.time())
            self._files.write_record(tracked.job, name, record)
            tracked.put(name, record)
        finally:
            os.close(opened)
            os.close(gate)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _become_shepherd(self, tracked: Tracked, name: str, gate: int, opened: int) -> NoReturn:
        """Go on as another process, which never returns."""
        try:
            signal.set_wakeup_fd(-1)
            for descriptor in (opened, self._lock, self._pipe):
                os.close(descriptor)
            os.setsid()
            os.read(gate, 1)
            record = self._files.record(tracked.job, name)
            if record.word is Word.RUNNING and record.pid == os.getpid():
                Shepherd(self._files, tracked.job, name, record).tend()
                wake(self._files)
        except BaseException:  # noqa: BLE001 - nothing may go on as the dispatcher that this was
            traceback.print_exc(file=sys.stderr)
            sys.stderr.flush()
        finally:
            os._exit(0)


def dispatch(files: QueueFiles) -> None:
    """Be the dispatcher of a queue, unless there is one."""
    os.umask(0o077)
    lock = take_lock(files)
    if lock is not None:
        os.truncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        Dispatcher(files, lock).run()
