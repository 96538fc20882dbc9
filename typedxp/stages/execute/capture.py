"""Owns the output of a run: what it prints goes to stdout.log and stderr.log, and to the terminal as before.

The file descriptors themselves lead into the files, so that C libraries and child processes are caught, a kill loses
nothing that was flushed, and no buffer between can fill up and block. A thread follows the files and shows what arrives
in them.
"""

from __future__ import annotations

import codecs
import logging
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from typedxp.stages.execute.rhythm import every
from typedxp.store.directory import RunDirectory

_PAUSE = 0.05
"""Seconds between two looks at the files."""

_CHUNK = 1 << 20
_FORMAT = "[%(asctime)s][%(name)s][%(levelname)s] %(message)s"

_Show = Callable[[bytes], object]

# There is one standard output, and several threads may execute runs: the first comes to have it. A run within a run, in
# the same thread, has it until it ends.
_capturing = threading.RLock()


@contextmanager
def captured(directory: RunDirectory, *, shown: bool) -> Iterator[None]:
    """Lead what is printed into the files of the run, until the end of the block; ``shown`` on the terminal, too."""
    if not _capturing.acquire(blocking=False):
        yield
        return
    try:
        with ExitStack() as stack:
            followed = [
                stack.enter_context(_redirected(1, "stdout", directory.stdout)),
                stack.enter_context(_redirected(2, "stderr", directory.stderr)),
            ]
            stack.enter_context(_following(followed if shown else []))
            stack.enter_context(_flushed())
            stack.enter_context(_logging())
            yield
    finally:
        _capturing.release()


@contextmanager
def _redirected(descriptor: int, name: str, path: Path) -> Iterator[tuple[int, int, _Show]]:
    """Lead a descriptor, and the stream of ``sys`` of that name, into a file; give it, its end, how to show more."""
    stream = getattr(sys, name)
    _flush(stream)
    _flush_c()
    before = _duplicate(descriptor)
    try:
        file = _lead_into(path, descriptor)
        start = os.fstat(file).st_size
        try:
            if _is_on(stream, descriptor):
                yield file, start, partial(_write_to, before)
            else:
                # A notebook's stream, one put there by a program, or none at all.
                with _standing_in(name, stream, descriptor):
                    yield file, start, _writer(stream)
        finally:
            _flush(stream)
            _drop_overwritten(file, path, start)
            os.close(file)
    finally:
        _lead_back(descriptor, before)


def _duplicate(descriptor: int) -> int | None:
    try:
        return os.dup(descriptor)
    except OSError:
        # Closed, as by `>&-`.
        return None


def _lead_into(path: Path, descriptor: int) -> int:
    """Make a descriptor lead to the end of a file; return another one for it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    if file == descriptor:
        # It was closed, so that the system has just given this number.
        os.set_inheritable(file, True)
        return os.dup(file)
    os.dup2(file, descriptor)
    return file


def _lead_back(descriptor: int, before: int | None) -> None:
    if before is None:
        with suppress(OSError):
            os.close(descriptor)
    else:
        os.dup2(before, descriptor)
        os.close(before)


def _drop_overwritten(file: int, path: Path, start: int) -> None:
    with suppress(OSError):
        if os.fstat(file).st_size > start:
            drop_overwritten(path, start)


@contextmanager
def _standing_in(name: str, stream: Any, descriptor: int) -> Iterator[None]:
    """Put a stream on the descriptor in the place of one that is not."""
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False) as ours:
        setattr(sys, name, ours)
        try:
            yield
        finally:
            if getattr(sys, name) is ours:
                setattr(sys, name, stream)


def _is_on(stream: Any, descriptor: int) -> bool:
    try:
        return bool(stream.fileno() == descriptor)
    except (AttributeError, OSError, ValueError):
        return False


def _write_to(target: int | None, data: bytes) -> None:
    while data and target is not None:
        try:
            data = data[os.write(target, data) :]
        except BlockingIOError:
            # A terminal that was made non-blocking by somebody else, and is slow.
            select.select([], [target], [], 1)


def _writer(stream: Any) -> _Show:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(data: bytes) -> None:
        if stream is not None:
            stream.write(decoder.decode(data))

    return write


@contextmanager
def _following(files: Sequence[tuple[int, int, _Show]]) -> Iterator[None]:
    """Show what arrives in files, until the end of the block."""
    followers = [_Follower(*file) for file in files]

    def look() -> None:
        for follower in followers:
            follower.look()

    try:
        with every(_PAUSE, look) if followers else nullcontext():
            yield
    finally:
        look()


@contextmanager
def _flushed() -> Iterator[None]:
    """Have Python and C libraries write out what was printed, at the end of the block."""
    try:
        yield
    finally:
        _flush(sys.stdout)
        _flush(sys.stderr)
        _flush_c()


class _Follower:
    """Shows what arrives in a file."""

    def __init__(self, file: int, start: int, show: _Show) -> None:
        self._file = file
        self._position = start
        self._show = show

    def look(self) -> None:
        """Show what is new."""
        while data := os.pread(self._file, _CHUNK, self._position):
            self._position += len(data)
            # Where nobody looks any more, as behind a closed pipe, that does not end a run.
            with suppress(OSError, ValueError):
                self._show(data)


def drop_overwritten(path: Path, start: int = 0) -> None:
    """Keep of each line what stands after its last carriage return: the last state of a progress bar, not all of them.

    Only what follows the first ``start`` bytes is looked at.

    Raises:
        OSError: the file cannot be read or written.
    """
    with path.open("rb") as file, ExitStack() as stack:
        file.seek(start)
        if not any(b"\r" in data for data in iter(partial(file.read, _CHUNK), b"")):
            return
        kept = stack.enter_context(path.open("r+b"))
        # What is written never overtakes what is read: a line only becomes shorter.
        file.seek(start)
        kept.seek(start)
        for line in file:
            kept.write(_last_state(line))
        kept.truncate()


def _last_state(line: bytes) -> bytes:
    text = line.removesuffix(b"\n")
    states = [state for state in text.split(b"\r") if state.strip()]
    return (states[-1] if states else b"") + line[len(text) :]


@contextmanager
def _logging() -> Iterator[None]:
    """Show the log from INFO on where a program has not set up logging; undo it afterwards.

    The handler is that of last resort, so that a program may still set up its own.
    """
    root, last, level = logging.getLogger(), logging.lastResort, logging.root.level
    if root.handlers:
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORMAT))
    logging.lastResort = handler
    ours = level in (logging.NOTSET, logging.WARNING)
    if ours:
        root.setLevel(logging.INFO)
    try:
        yield
    finally:
        logging.lastResort = last
        if ours and root.level == logging.INFO:
            root.setLevel(level)


def _flush(stream: object) -> None:
    with suppress(AttributeError, OSError, ValueError):
        stream.flush()  # type: ignore[attr-defined]  # whatever the program has put there


def _flush_c() -> None:
    """Have C libraries write out what they printed; without ctypes, which numpy and torch load, there are none."""
    ctypes = sys.modules.get("ctypes")
    if ctypes is not None:
        with suppress(Exception):
            ctypes.CDLL(None).fflush(None)
