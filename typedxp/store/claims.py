"""Owns the right to execute a run: one process at a time has it, and each attempt is made once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from typedxp.errors import ExecutionError, StoreError
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.records import RunStatus


@contextmanager
def claimed(directory: RunDirectory, attempt: int) -> Iterator[None]:
    """Keep other processes from executing a run, until the end of the block.

    The system gives the claim back when the process ends, however it ends: a kill leaves nothing behind.

    Raises:
        ExecutionError: another process executes the run, has completed it, or has made this attempt.
    """
    with _locked(directory):
        with suppress(StoreError):
            status = directory.read_status()
            if status.status is RunStatus.COMPLETED or status.attempt != attempt - 1:
                raise ExecutionError(f"Run {directory.id} was executed by another process: it is {status.status}.")
        yield


@contextmanager
def _locked(directory: RunDirectory) -> Iterator[None]:
    try:
        file = os.open(directory.path / "run.json", os.O_RDWR)
    except OSError:
        # What cannot be written will be said when something is.
        yield
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExecutionError(f"Run {directory.id} is being executed by another process.") from None
        except OSError:
            # A file system without locks.
            pass
        yield
    finally:
        os.close(file)
