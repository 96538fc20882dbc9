"""Owns the output of a run: what it prints goes to stdout.log and stderr.log, and to the terminal as before.

The file descriptors themselves lead into the files, so that C libraries and child processes are caught, a kill loses
nothing, and no buffer between can fill up and block. A thread follows the files and shows what arrives in them.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from typedxp.store.directory import RunDirectory

_PAUSE = 0.05
"""Seconds between two looks at the files."""

_CHUNK = 1 << 20
_FORMAT = "[%(asctime)s][%(name)s][%(levelname)s] %(message)s"


@contextmanager
def captured(directory: RunDirectory, *, shown: bool) -> Iterator[None]:
    """Lead what is printed into the files of the run, until the end of the block; ``shown`` on the terminal, too."""
    with ExitStack() as stack:
        for descriptor, stream, path in ((1, sys.stdout, directory.stdout), (2, sys.stderr, directory.stderr)):
            stack.enter_context(_redirected(descriptor, stream, path, shown=shown))
        stack.enter_context(_logging())
        yield


@contextmanager
def _redirected(descriptor: int, stream: object, path: Path, *, shown: bool) -> Iterator[None]:
    _flush(stream)
    before = os.dup(descriptor)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    start = os.fstat(file).st_size
    os.dup2(file, descriptor)
    os.close(file)
    follower = _Follower(path, start, before) if shown else None
    try:
        yield
    finally:
        _flush(stream)
        os.dup2(before, descriptor)
        if follower is not None:
            follower.finish()
        os.close(before)
        with suppress(OSError):
            drop_overwritten(path, start)


class _Follower:
    """Shows what arrives in a file."""

    def __init__(self, path: Path, start: int, target: int) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._position = start
        self._target = target
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="typedxp output", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Show the rest."""
        self._done.set()
        self._thread.join()
        os.close(self._file)

    def _follow(self) -> None:
        while not self._done.wait(_PAUSE):
            self._show()
        self._show()

    def _show(self) -> None:
        while data := os.pread(self._file, _CHUNK, self._position):
            self._position += len(data)
            try:
                while data:
                    data = data[os.write(self._target, data) :]
            except OSError:
                # Nobody looks any more: a closed pipe or terminal does not end a run.
                return


def drop_overwritten(path: Path, start: int = 0) -> None:
    """Keep of each line what stands after its last carriage return: the last state of a progress bar, not all of them.

    Only what follows the first ``start`` bytes is looked at.

    Raises:
        OSError: the file cannot be read or written.
    """
    with path.open("r+b") as file:
        file.seek(start)
        data = file.read()
        if b"\r" not in data:
            return
        kept = b"\n".join(_last_state(line) for line in data.split(b"\n"))
        file.seek(start)
        file.write(kept)
        file.truncate()


def _last_state(line: bytes) -> bytes:
    states = [state for state in line.split(b"\r") if state.strip()]
    return states[-1] if states else b""


@contextmanager
def _logging() -> Iterator[None]:
    """Show the log from INFO on, unless the program has set up logging by itself; undo it afterwards."""
    root = logging.getLogger()
    if root.handlers:
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORMAT))
    level = root.level
    root.addHandler(handler)
    if level in (logging.NOTSET, logging.WARNING):
        root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _flush(stream: object) -> None:
    with suppress(AttributeError, OSError, ValueError):
        stream.flush()  # type: ignore[attr-defined]  # whatever the program has put there
