"""Owns the right to execute a run, and the right to decide which are to be made: one process at a time has each."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from typedxp.errors import ExecutionError, StoreError
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
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
def deciding(store: Store) -> Iterator[None]:
    """Let other processes wait that are about to decide which runs a store lacks, until the end of the block."""
    with suppress(OSError):
        store.cache.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(store.cache / "deciding", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:
        # What cannot be written will be said when something is.
        yield
        return
    try:
        # There are file systems without locks.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


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
