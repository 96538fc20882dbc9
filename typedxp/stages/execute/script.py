"""Owns the execution of a script of the user's, here and with the terminal as it is."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from typedxp.errors import ExecutionError

_PATIENCE = 2.0
"""Seconds that a script has to end by itself after an interruption: it has heard of it, too."""


def run_script(command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> int:
    """Execute a command; return its exit code, as a shell would say it.

    Raises:
        ExecutionError: there is no such command, or no such directory.
        KeyboardInterrupt: it was interrupted; it has ended.
    """
    try:
        process = subprocess.Popen(command, cwd=directory, env=environment)
    except OSError as error:
        raise ExecutionError(f"{error.filename or command[0]} cannot be used: {error.strerror}.") from error
    try:
        code = process.wait()
    except KeyboardInterrupt:
        _stop(process)
        raise
    if code == -signal.SIGINT:
        raise KeyboardInterrupt
    return code if code >= 0 else 128 - code


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Let a process end, in the end by force."""
    for request in (process.terminate, process.kill):
        try:
            process.wait(_PATIENCE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            request()
    process.wait()
