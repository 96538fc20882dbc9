"""Owns the question whether a run that says it is running still is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from typedxp.stages.execute.rhythm import every
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.clock import spell_time
from typedxp.vocabulary.processes import alive
from typedxp.vocabulary.records import RunStatus, Status

BEAT = 60.0
"""Seconds between two signs of life: each sets the modification time of status.json, and writes nothing else."""

PATIENCE = 5 * BEAT
"""Seconds without a sign of life after which a run on another machine is lost."""


@contextmanager
def heartbeat(directory: RunDirectory) -> Iterator[None]:
    """Give a sign of life now and then, until the end of the block."""

    def beat() -> None:
        with suppress(OSError):
            os.utime(directory.status_file)

    with every(BEAT, beat):
        yield


def lost(directory: RunDirectory, status: Status) -> str | None:
    """Say why a run that says it is running cannot be running any more; None if it may be."""
    if status.status is not RunStatus.RUNNING or status.pid is None:
        return None
    if status.host == os.uname().nodename:
        if alive(status.pid, status.pid_start or ""):
            return None
        return f"Process {status.pid} on {status.host} is gone, and did not say how the run ended."
    silent = time.time() - directory.status_file.stat().st_mtime
    if silent < PATIENCE:
        return None
    return f"{status.host} has given no sign of life for {silent / 60:.0f} minutes."


def as_lost(directory: RunDirectory, status: Status) -> Status:
    """Return where a run stands, which is lost if it is. Its end is the last sign of life; nothing is written."""
    cause = lost(directory, status)
    if cause is None:
        return status
    last = spell_time(datetime.fromtimestamp(directory.status_file.stat().st_mtime, UTC))
    # The system's clock for files goes by ticks, and may be a little behind.
    end = max(last, status.start or last)
    return replace(status, status=RunStatus.LOST, end=end, cause=cause)


def mark_lost(directory: RunDirectory, status: Status) -> Status:
    """Mark a run as lost, if it is; return where it stands."""
    after = as_lost(directory, status)
    if after == status:
        return status
    if directory.read_status() != status:
        # It has said how it ended just now.
        return directory.read_status()
    directory.write_status(after)
    return after
