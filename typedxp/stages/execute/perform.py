"""Owns one run from its start to its end, in the process that executes it."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.records import Failure, RunStatus, Status, StreamSummary


def perform(
    directory: RunDirectory, function: Callable[[], Any], close: Callable[[], Mapping[str, StreamSummary]], attempt: int = 1
) -> Status:
    """Execute ``function`` as one run: record that it is running, and how it ended; return the final status.

    An exception of the user's code ends the run, not the caller; ``close`` sums up what was logged.

    Raises:
        KeyboardInterrupt: the user stopped it; the run is marked cancelled.
    """
    status = Status(RunStatus.RUNNING, host=platform.node(), pid=os.getpid(), start=now(), attempt=attempt)
    interrupted = False
    try:
        directory.write_status(status)
        function()
        status = replace(status, status=RunStatus.COMPLETED)
    except KeyboardInterrupt:
        interrupted = True
        status = replace(status, status=RunStatus.CANCELLED, cause="interrupted")
    except SystemExit as error:
        status = _exited(status, error)
    except BaseException as error:
        failure = _failure(error)
        status = replace(status, status=RunStatus.FAILED, cause=f"{failure.type}: {failure.message}", failure=failure)
        _append_traceback(directory, failure)
    status = _recorded(directory, status, close)
    if interrupted:
        raise KeyboardInterrupt
    return status


def cancel(directory: RunDirectory, cause: str) -> None:
    """Mark a run that will not be started, or whose process did not say how it ended."""
    status = directory.read_status()
    directory.write_status(replace(status, status=RunStatus.CANCELLED, end=now(), cause=cause))


def now() -> str:
    """Return the time, in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _recorded(
    directory: RunDirectory, status: Status, close: Callable[[], Mapping[str, StreamSummary]]
) -> Status:
    try:
        status = replace(status, end=now(), streams=close())
        directory.write_status(status)
    except OSError as error:
        status = replace(status, status=RunStatus.FAILED, end=now(), cause=f"The end cannot be recorded: {error}")
        with suppress(OSError):
            directory.write_status(status)
    return status


def _exited(status: Status, error: SystemExit) -> Status:
    if error.code in (None, 0):
        return replace(status, status=RunStatus.COMPLETED)
    return replace(status, status=RunStatus.FAILED, cause=f"exit({error.code!r})")


def _failure(error: BaseException) -> Failure:
    text = "".join(traceback.format_exception(type(error), error, _users_part(error.__traceback__)))
    return Failure(type(error).__name__, str(error), text)


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames between here and the user's function."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    rest = trace
    while rest is not None and rest.tb_frame.f_code.co_filename.startswith(package + os.sep):
        rest = rest.tb_next
    return rest or trace


def _append_traceback(directory: RunDirectory, failure: Failure) -> None:
    try:
        with directory.stderr.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(failure.traceback)
    except OSError as error:
        print(f"{directory.stderr} cannot be written: {error}", file=sys.stderr)
