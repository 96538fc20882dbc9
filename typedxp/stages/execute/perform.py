"""Owns one run from its start to its end, in the process that executes it."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from typedxp.artifacts.kept import list_arrays
from typedxp.errors import ExecutionError
from typedxp.stages.execute.capture import captured
from typedxp.stages.execute.liveness import heartbeat
from typedxp.stages.execute.monitor import Meter, monitored
from typedxp.stages.execute.orphans import end_with_launcher
from typedxp.stages.execute.signals import armed, stop_signals
from typedxp.store.claims import claimed
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.plan import redact
from typedxp.vocabulary.processes import process_start
from typedxp.vocabulary.records import Failure, Recording, RunStatus, Status, StreamSummary
from typedxp.vocabulary.stopping import Stopped, StopRequest, StopSwitch, stop_error
from typedxp.vocabulary.telling import tell

ELSEWHERE = 75
"""The exit code of a worker whose run is executed by another process: EX_TEMPFAIL of sysexits.h."""


class Recorder(Protocol):
    """What a run logs to, as far as executing it goes."""

    attempt: int
    environment: str | None
    job: str | None

    def log_metrics(self, record: Mapping[str, Any], stream: str | None = None) -> None:
        """Append one record to a stream."""

    def rewind(self) -> None:
        """Set aside what earlier attempts logged in vain."""

    def close(self) -> Mapping[str, StreamSummary]:
        """Close the files, and sum up the streams."""


def perform(
    directory: RunDirectory,
    function: Callable[[], Any],
    recorder: Recorder,
    switch: StopSwitch,
    recording: Recording,
    *,
    shown: bool,
    secrets: Mapping[str, str] | None = None,
) -> Status:
    """Execute ``function`` as one run: record that it is running, and how it ended; return the final status.

    An exception of the user's code ends the run, not the caller. Output is recorded, and ``shown`` on the terminal too.
    Where an exception tells one of the ``secrets``, it is left out.

    Raises:
        KeyboardInterrupt: the user stopped it; the run is marked cancelled.
        Stopped: another signal stopped it; the run is marked as that signal means.
    """
    end_with_launcher()
    status, meter = _running(recorder), Meter()
    with stop_signals(switch), ExitStack() as stack:
        try:
            stack.enter_context(claimed(directory, recorder.attempt))
        except ExecutionError as error:
            tell(error)
            return directory.read_status()
        reason = _performed(directory, function, recorder, switch, status, recording, shown=shown)
        ended = _ended(directory, status, reason, {key: text for key, text in (secrets or {}).items() if len(text) > 3})
        ended = _recorded(directory, replace(_heeding(switch, ended), usage=meter.read()), recorder)
    if isinstance(reason, KeyboardInterrupt | Stopped):
        raise reason
    if switch.request is not None:
        # Even if it came too late for this run, it is not for those that follow.
        raise stop_error(switch.request)
    return ended


def _performed(
    directory: RunDirectory,
    function: Callable[[], Any],
    recorder: Recorder,
    switch: StopSwitch,
    status: Status,
    recording: Recording,
    *,
    shown: bool,
) -> BaseException | None:
    """Call the user's function; return what ended it, if it did not return."""
    try:
        with _same_working_directory(), _surroundings(directory, recorder, recording, shown=shown):
            directory.write_status(status)
            if recorder.attempt > 1:
                recorder.rewind()
            with _in_this_process_only(), armed(switch):
                function()
    except BaseException as error:  # noqa: BLE001 - whatever ends a run does not end the sweep
        return error
    return None


def cancel(directory: RunDirectory, cause: str) -> None:
    """Mark a run that will not be started, or whose process did not say how it ended."""
    status = directory.read_status()
    directory.write_status(replace(status, status=RunStatus.CANCELLED, end=now(), cause=cause))


def _running(recorder: Recorder) -> Status:
    pid = os.getpid()
    return Status(
        RunStatus.RUNNING,
        host=os.uname().nodename,
        pid=pid,
        pid_start=process_start(pid),
        start=now(),
        attempt=recorder.attempt,
        environment=recorder.environment,
        job=recorder.job,
    )


@contextmanager
def _surroundings(directory: RunDirectory, recorder: Recorder, recording: Recording, *, shown: bool) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(heartbeat(directory))
        if recording.capture:
            stack.enter_context(captured(directory, shown=shown))
        if recording.monitor is not None:
            stack.enter_context(monitored(recording.monitor, lambda sample: recorder.log_metrics(sample, "system")))
        yield


@contextmanager
def _in_this_process_only() -> Iterator[None]:
    """End a child that the run's code has forked, and that comes back here: it has no business with the record."""
    owner, code = os.getpid(), 1
    try:
        yield
        code = 0
    finally:
        if os.getpid() != owner:
            with suppress(Exception):
                sys.stdout.flush()
            os._exit(code)


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


def _recorded(directory: RunDirectory, status: Status, recorder: Recorder) -> Status:
    try:
        status = replace(status, end=now(), streams=recorder.close(), arrays=list_arrays(directory.path))
        directory.write_status(status)
    except OSError as error:
        cause = f"The end cannot be recorded: {error}" + (f" (it was: {status.cause})" if status.cause else "")
        status = replace(status, status=RunStatus.FAILED, end=now(), cause=cause)
        with suppress(OSError):
            directory.write_last_status(status)
    return status


def _ended(directory: RunDirectory, status: Status, error: BaseException | None, secrets: Mapping[str, str]) -> Status:
    if error is None:
        return replace(status, status=RunStatus.COMPLETED)
    if isinstance(error, KeyboardInterrupt):
        return replace(status, status=RunStatus.CANCELLED, signal=signal.SIGINT.value, cause="interrupted")
    if isinstance(error, Stopped):
        return _stopped(status, error.request)
    if isinstance(error, SystemExit):
        if error.code in (None, 0):
            return replace(status, status=RunStatus.COMPLETED)
        return replace(status, status=RunStatus.FAILED, cause=_shorten(redact(f"exit({error.code!r})", secrets), 300))
    text = redact("".join(traceback.format_exception(type(error), error, _users_part(error.__traceback__))), secrets)
    _append_traceback(directory, text)
    message = redact(_message(error), secrets)
    failure = Failure(type(error).__name__, _shorten(message, 10_000), _shorten(text, 100_000))
    first_line = _shorten(failure.message.strip().partition("\n")[0], 300)
    cause = f"{failure.type}: {first_line}" if first_line else failure.type
    # torch has an OutOfMemoryError of its own.
    word = (
        RunStatus.OUT_OF_MEMORY if isinstance(error, MemoryError) or "OutOfMemory" in failure.type else RunStatus.FAILED
    )
    return replace(status, status=word, cause=cause, failure=failure)


def _heeding(switch: StopSwitch, ended: Status) -> Status:
    """Say of a run that came to know of a request to stop that this is why it ended, unless something went wrong."""
    if switch.request is None or not switch.noticed or ended.signal is not None:
        return ended
    if ended.failure is not None:
        return replace(ended, signal=switch.request.signal)
    return _stopped(ended, switch.request)


def _stopped(status: Status, request: StopRequest) -> Status:
    # SIGUSR1 and SIGUSR2 are what schedulers send ahead of a time limit or a preemption.
    told = request.signal in (signal.SIGINT, signal.SIGTERM)
    word = RunStatus.CANCELLED if told else RunStatus.PREEMPTED
    return replace(status, status=word, signal=int(request.signal), cause=f"stopped by {request.name}")


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
        # A worker's stderr is that very file.
        with suppress(OSError):
            print(f"{directory.stderr} cannot be written: {error}", file=sys.stderr)
