"""Owns the door to the world: the only place that starts a scheduler's commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import join, quote
from shutil import which

from typedxp.errors import SchedulerError

PATIENCE = "TYPEDXP_PATIENCE"
"""The environment variable that says after how many seconds a command that does not answer is given up; 60 without."""
LINE = 100_000
"""Characters of names that one command is given at most; Linux takes 128 kB for one argument, and 2 MB for all."""


class Unanswered(SchedulerError):
    """A command gave no answer, or none that can be read: what it has done is not known."""


Process = subprocess.Popen[bytes]
"""A program that was started, and is not waited for."""


@dataclass(frozen=True)
class Command:
    """What is to be executed: an argument list, never a line for a shell.

    ``without`` are patterns of environment variables that the command must not see, such as those of the job that we
    are in ourselves. ``stdin`` is what it reads; ``stdin_file`` names the file that it reads instead.
    """

    words: tuple[str, ...]
    without: tuple[str, ...] = ()
    stdin: str = ""
    stdin_file: Path | None = None

    def __str__(self) -> str:
        return join(self.words) if self.stdin_file is None else f"{join(self.words)} < {quote(str(self.stdin_file))}"

    def reads(self) -> bytes:
        """Return what the command reads.

        Raises:
            OSError: the file cannot be read.
        """
        return self.stdin.encode() if self.stdin_file is None else self.stdin_file.read_bytes()


@dataclass(frozen=True)
class Reply:
    """What a command answered."""

    command: Command
    code: int
    out: str
    err: str = ""

    @property
    def said(self) -> str:
        """What it printed, as errors or else at all, with control characters as escapes: a terminal may show it."""
        return _visible((self.err.strip() or self.out.strip()) or "(no output)")


Shell = Callable[[Command], Reply]
"""Executes a command, and returns what it answered. It raises SchedulerError where there is no answer."""


def local_shell(command: Command) -> Reply:
    """Execute a command on this machine.

    Raises:
        SchedulerError: there is no such command here.
        Unanswered: it did not answer in time.
    """
    env = {name: text for name, text in os.environ.items() if not any(fnmatchcase(name, p) for p in command.without)}
    # Words that we look for come in English.
    env |= {"LC_ALL": "C.UTF-8", "SLURM_TIME_FORMAT": "standard"}
    try:
        stdin = command.reads()
    except OSError as error:
        raise SchedulerError(f"`{command}` cannot read its script: {error.strerror or error}.") from error
    try:
        done = subprocess.run(
            command.words,
            input=stdin,
            capture_output=True,
            timeout=_patience(),
            check=False,
            env=env,
        )
    except FileNotFoundError as error:
        raise SchedulerError(f"There is no command {command.words[0]!r} on this machine.") from error
    except subprocess.TimeoutExpired as error:
        raise Unanswered(f"`{command}` did not answer within {_patience():g} seconds.") from error
    except OSError as error:
        raise SchedulerError(f"`{command}` cannot be executed: {error.strerror or error}.") from error
    return Reply(command, done.returncode, _text(done.stdout), _text(done.stderr))


def check_here(name: str) -> None:
    """Make sure that there is a command on this machine.

    Raises:
        SchedulerError: there is none.
    """
    if which(name) is None:
        raise SchedulerError(
            f"There is no command {name!r} on this machine: submit where the scheduler is, and see PATH."
        )


def _patience() -> float:
    try:
        return float(os.environ[PATIENCE])
    except (KeyError, ValueError):
        return 60.0


def start(words: Sequence[str], env: Mapping[str, str], directory: Path, output: Path) -> Process:
    """Start a program in a session of its own, so that a signal can reach all that it starts; do not wait for it.

    What it prints is appended to a file.

    Raises:
        OSError: the program, the directory or the file is not there.
    """
    with output.open("ab") as file:
        return subprocess.Popen(
            words,
            cwd=directory,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def answered(reply: Reply) -> Reply:
    """Return a reply if the command succeeded.

    Raises:
        SchedulerError: it did not.
    """
    if reply.code != 0:
        raise refused(reply)
    return reply


def refused(reply: Reply) -> SchedulerError:
    """Make the error of a command that failed, which begins with what it said: often only the first line is shown."""
    return SchedulerError(f"{reply.said} (`{reply.command}` exited with {reply.code})")


def unreadable(reply: Reply) -> Unanswered:
    """Make the error of an answer that makes no sense, which quotes it."""
    return Unanswered(f"`{reply.command}` gave an answer that cannot be read:\n{reply.said[:2000]}")


def batches(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Part names into as few groups as there must be command lines, in their order."""
    groups: list[list[str]] = []
    room = 0
    for name in names:
        if len(name) + 1 > room:
            groups.append([])
            room = LINE
        groups[-1].append(name)
        room -= len(name) + 1
    return [tuple(group) for group in groups]


def _visible(text: str) -> str:
    return "".join(each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
