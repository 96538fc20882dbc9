"""Owns how a queue knows whether it has a dispatcher: by a lock that it holds, and a pipe that it reads."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from typedxp.schedulers.queue.files import QueueFiles


def wake(files: QueueFiles) -> bool:
    """Wake the dispatcher; return whether there is one."""
    try:
        pipe = os.open(files.pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # A full pipe wakes as well.
        with suppress(BlockingIOError):
            os.write(pipe, b"!")
    except BrokenPipeError:
        # It was there until just now.
        return False
    finally:
        os.close(pipe)
    return True


def dispatching(files: QueueFiles) -> bool:
    """Whether there is a dispatcher, if only one that has not begun yet."""
    lock = take_lock(files)
    if lock is not None:
        os.close(lock)
    return lock is None


def take_lock(files: QueueFiles) -> int | None:
    """Take the lock of the dispatcher; return its descriptor, or None if there is a dispatcher."""
    # One that is about to leave has left when we have this.
    with files.locked():
        lock = os.open(files.root / "dispatcher.lock", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
    return lock
