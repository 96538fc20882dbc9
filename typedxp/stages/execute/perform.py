"""Owns one run from its start to its end, in the process that executes it."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from typedxp.stages.execute.interrupt import uninterrupted
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.records import Failure, RunStatus, Status, StreamSummary


def perform(
    directory: RunDirectory,
    function: Callable[[], Any],
    close: Callable[[], Mapping[str, StreamSummary]],
    attempt: int = 1,
) -> Status:
    """Execute ``function`` as one run: record that it is running, and how it ended; return the final status.

    An exception of the user's code ends the run, not the caller; ``close`` sums up what was logged.

    Raises:
        KeyboardInterrupt: the user stopped it; the run is marked cancelled.
    """
    status = Status(RunStatus.RUNNING, host=os.uname().nodename, pid=os.getpid(), start=now(), attempt=attempt)
    ended, interrupted = replace(status, status=RunStatus.COMPLETED), False
    try:
        with _same_working_directory():
            directory.write_status(status)
            function()
    except BaseException as error:  # noqa: BLE001 - whatever ends a run does not end the sweep
        with uninterrupted():
            ended, interrupted = _ended(directory, status, error), isinstance(error, KeyboardInterrupt)
    with uninterrupted():
        ended = _recorded(directory, ended, close)
    if interrupted:
        raise KeyboardInterrupt
    return ended


def cancel(directory: RunDirectory, cause: str) -> None:
    """Mark a run that will not be started, or whose process did not say how it ended."""
    status = directory.read_status()
    directory.write_status(replace(status, status=RunStatus.CANCELLED, end=now(), cause=cause))


def now() -> str:
    """Return the time, in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@contextmanager
def _same_working_directory() -> Iterator[None]:
    """Come back to where we are, so that a run that changes the working directory does not move those after it."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            os.chdir(here)


def _recorded(directory: RunDirectory, status: Status, close: Callable[[], Mapping[str, StreamSummary]]) -> Status:
    try:
        status = replace(status, end=now(), streams=close())
        directory.write_status(status)
    except OSError as error:
        cause = f"The end cannot be recorded: {error}" + (f" (it was: {status.cause})" if status.cause else "")
        status = replace(status, status=RunStatus.FAILED, end=now(), cause=cause)
        with suppress(OSError):
            directory.write_status(status)
    return status


def _ended(directory: RunDirectory, status: Status, error: BaseException) -> Status:
    if isinstance(error, KeyboardInterrupt):
        return replace(status, status=RunStatus.CANCELLED, cause="interrupted")
    if isinstance(error, SystemExit):
        if error.code in (None, 0):
            return replace(status, status=RunStatus.COMPLETED)
        return replace(status, status=RunStatus.FAILED, cause=_shorten(f"exit({error.code!r})", 300))
    text = "".join(traceback.format_exception(type(error), error, _users_part(error.__traceback__)))
    _append_traceback(directory, text)
    failure = Failure(type(error).__name__, _shorten(_message(error), 10_000), _shorten(text, 100_000))
    first_line = _shorten(failure.message.strip().partition("\n")[0], 300)
    cause = f"{failure.type}: {first_line}" if first_line else failure.type
    return replace(status, status=RunStatus.FAILED, cause=cause, failure=failure)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as another:  # noqa: BLE001 - the message is made by the user's code
        return f"(its message cannot be made: {type(another).__name__})"


def _shorten(text: str, limit: int) -> str:
    """Keep the beginning and the end of a long text; a traceback says most at its end."""
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]} [... {len(text) - limit} characters ...] {text[-(limit // 2) :]}"


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames between here and the user's function."""
    package = str(Path(__file__).parents[2])
    rest = trace
    while rest is not None and rest.tb_frame.f_code.co_filename.startswith(package + os.sep):
        rest = rest.tb_next
    return rest or trace


def _append_traceback(directory: RunDirectory, text: str) -> None:
    try:
        with directory.stderr.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        print(f"{directory.stderr} cannot be written: {error}", file=sys.stderr)
