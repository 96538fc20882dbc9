"""Owns the command line of the queue: ``python -m typedxp.schedulers.queue submit job.sh``. It answers in JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from typedxp.errors import SchedulerError
from typedxp.schedulers.queue.dispatcher import dispatch
from typedxp.schedulers.queue.files import QueueFiles, default_directory, unwritable
from typedxp.schedulers.queue.machine import cpus
from typedxp.schedulers.queue.options import OptionError, read_options
from typedxp.schedulers.queue.presence import dispatching, wake
from typedxp.schedulers.queue.tracked import Tracked
from typedxp.schedulers.queue.waiting import why_waiting
from typedxp.schedulers.queue.words import QueuedJob, Record, Word
from typedxp.schedulers.shell import start

USAGE = """\
usage: python -m typedxp.schedulers.queue submit [--test] [OPTIONS] SCRIPT
       python -m typedxp.schedulers.queue status [NAME...]
       python -m typedxp.schedulers.queue cancel|hold|release|requeue NAME...
A NAME is that of a job, such as 7, or of an element, such as 7_3."""
_PATIENCE = 50.0
"""Seconds that a dispatcher has to start, or to do what it is asked."""
_OURS = "TYPEDXP_LOCAL_"


def submit(files: QueueFiles, words: Sequence[str]) -> dict[str, Any]:
    """Add a job to the queue; with ``--test``, say only what it would be."""
    if not words or words[-1].startswith("-"):
        raise OptionError(USAGE)
    script = Path(words[-1])
    try:
        text = script.read_bytes()
    except OSError as error:
        raise OptionError(f"{script} cannot be read: {error.strerror or error}.") from error
    given = [word for word in words[:-1] if word != "--test"]
    options = read_options(script, text.decode("utf-8", "replace"), given, os.environ, files.job)
    if "--test" in words:
        count = len(options.array) if options.array is not None else 1
        return {"test": f"{count} to run, {options.slots} at a time in this queue"}
    environment = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
    umask = os.umask(0o077)
    files.make()
    number = files.add(str(Path.cwd()), umask, options, text, environment)
    try:
        ensure_dispatcher(files)
    except (SchedulerError, OSError) as error:
        # The job is in the queue all the same, and whoever asks about it tries again.
        print(error, file=sys.stderr)
    return {"job": str(number), "elements": list(QueuedJob(number, "", 0, options).names)}


def status(files: QueueFiles, names: Sequence[str]) -> dict[str, Any]:
    """Say where elements stand: all of some jobs, or of all. What is not known is not in the answer."""
    numbers = _numbers(names) if names else files.numbers()
    if any(not files.done(number) for number in numbers if files.job(number) is not None):
        files.make()
        ensure_dispatcher(files)
    asked = {number: job for number in numbers if (job := files.job(number)) is not None}
    records = {name: record for job in asked.values() for name, record in files.records(job).items()}
    wanted = set(names)
    found = {name: each for name, each in records.items() if not names or wanted & {name, name.partition("_")[0]}}
    waiting = any(record.word is Word.QUEUED for record in found.values())
    why = why_waiting(_open_jobs(files), files.done, cpus()) if waiting else {}
    return {name: _said(record, why.get(name)) for name, record in found.items()}


def _open_jobs(files: QueueFiles) -> dict[int, Tracked]:
    """Read all jobs that have not ended, since each of them may be what another waits for."""
    jobs = {number: files.job(number) for number in files.numbers() if not files.done(number)}
    return {number: Tracked(job, files.records(job)) for number, job in jobs.items() if job is not None}


def _said(record: Record, waiting: str | None) -> dict[str, Any]:
    reason = waiting if record.word is Word.QUEUED else None
    said = {
        "word": record.word,
        "exit_code": record.exit_code,
        "signal": record.signal,
        "reason": "; ".join(text for text in (record.reason, reason) if text) or None,
        "gpus": list(record.gpus) or None,
        "started": record.started,
        "ended": record.ended,
    }
    return {key: value for key, value in said.items() if value is not None}


def _acting(verb: str) -> Callable[[QueueFiles, Sequence[str]], dict[str, Any]]:
    def act(files: QueueFiles, names: Sequence[str]) -> dict[str, Any]:
        return _act(files, verb, names)

    return act


def _act(files: QueueFiles, verb: str, names: Sequence[str]) -> dict[str, Any]:
    """Let the dispatcher do something, and wait until it is done."""
    if not names:
        raise OptionError(USAGE)
    jobs = {number: files.job(number) for number in _numbers(names)}
    known = [name for name in names if _is_known(name, jobs)]
    if known:
        files.make()
        request = files.ask(verb, known)
        ensure_dispatcher(files)
        _wait(lambda: not request.exists(), files)
    if unknown := [name for name in names if name not in known]:
        raise SchedulerError(f"The queue of {files.root.name} does not know {', '.join(unknown)}.")
    return {verb: known}


def _is_known(name: str, jobs: dict[int, QueuedJob | None]) -> bool:
    number = name.partition("_")[0]
    job = jobs.get(int(number)) if number.isdecimal() else None
    return job is not None and (name == number or name in job.names)


def _numbers(names: Sequence[str]) -> list[int]:
    return list(dict.fromkeys(int(part) for name in names if (part := name.partition("_")[0]).isdecimal()))


def ensure_dispatcher(files: QueueFiles) -> None:
    """Wake the dispatcher, or start one.

    Raises:
        SchedulerError: it does not start.
    """
    if wake(files):
        return
    environment = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
    # -P: what lies where it was started is no part of it.
    words = [sys.executable, "-P", "-m", "typedxp.schedulers.queue", "dispatch"]
    process = start(words, environment, Path("/"), files.root / "dispatcher.log")
    # It may have done all that there was, and be gone again.
    _wait(lambda: wake(files) or (process.poll() is not None and not dispatching(files)), files)
    if process.returncode:
        raise SchedulerError(f"The queue does not start: see {files.root / 'dispatcher.log'}.")


def _wait(done: Callable[[], bool], files: QueueFiles) -> None:
    end = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > end:
            raise SchedulerError(f"The queue does not answer: see {files.root / 'dispatcher.log'}.")
        time.sleep(0.01)


_VERBS: dict[str, Callable[[QueueFiles, Sequence[str]], dict[str, Any]]] = {
    "submit": submit,
    "status": status,
    **{verb: _acting(verb) for verb in ("cancel", "hold", "release", "requeue")},
}


def main(arguments: Sequence[str]) -> int:
    """Execute one command; return its exit code."""
    files = QueueFiles(default_directory())
    if arguments == ["dispatch"]:
        dispatch(files)
        return 0
    if not arguments or arguments[0] not in _VERBS:
        print(USAGE, file=sys.stderr)
        return 2
    try:
        print(json.dumps(_VERBS[arguments[0]](files, arguments[1:])))
    except SchedulerError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, OptionError) else 1
    except OSError as error:
        print(unwritable(files.root, error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
