"""Owns the worker's command line: one run directory, or the job of a scheduler and which element of it this is.

``python -P -m typedxp.worker logs/17`` is the runner's mirror; a job script names the directory of the job instead, as
in ``--job logs/jobs/3 --name 123_4 --element 4``. Everything a worker needs is in the directory, except secrets: they
come as a JSON object on standard input, and for jobs in environment variables. It loads neither Hydra nor xarray nor
git.
"""

from __future__ import annotations

import io
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from typedxp.errors import ExecutionError, TypedxpError
from typedxp.store.directory import RunDirectory
from typedxp.store.jobs import JobDirectory
from typedxp.vocabulary.stopping import Stopped
from typedxp.vocabulary.telling import tell
from typedxp.worker.job import execute_job
from typedxp.worker.run import execute

_OPTIONS = {"--run", "--job", "--name", "--element"}


def main(arguments: Sequence[str]) -> int:
    """Execute the run in one directory, or those of one element of a job.

    Returns the exit code: 0 completed, 1 failed, 2 cannot be started, 75 executed by another process, 128 and the
    signal's number stopped.
    """
    options = _read_options(arguments)
    if options is None:
        tell("Name one run directory: python -P -m typedxp.worker logs/17")
        return 2
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            # What was printed can be read at once, and survives a kill.
            output.reconfigure(line_buffering=True)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As nohup has it for the launcher. Here, SIGINT is the launcher's word, and not that of a terminal.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _execute(options)
    except TypedxpError as error:
        tell(error)
        return 2
    except KeyboardInterrupt:
        return 130
    except Stopped as stopped:
        return 128 + stopped.request.signal


def _read_options(arguments: Sequence[str]) -> dict[str, str] | None:
    # Not argparse, which takes longer to load than this has to do.
    if len(arguments) == 1:
        return {"--run": arguments[0]}
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))
    good = len(arguments) % 2 == 0 and options.keys() <= _OPTIONS
    return options if good and ("--run" in options) != ("--job" in options) else None


def _execute(options: Mapping[str, str]) -> int:
    if "--job" in options:
        job = JobDirectory(Path(options["--job"]).absolute())
        return execute_job(job, options.get("--name"), options.get("--element"))
    return execute(RunDirectory(Path(options["--run"]).absolute()), _read_secrets(), options.get("--name"))


def _read_secrets() -> dict[str, str]:
    text = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    try:
        secrets = json.loads(text) if text.strip() else {}
    except ValueError:
        secrets = None
    if not isinstance(secrets, dict):
        raise ExecutionError("Standard input holds no JSON object of secrets.")
    return secrets
