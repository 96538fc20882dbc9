"""Replies that tests give to schedulers: those of the originals, as they were captured, and made-up ones."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import split

from typedxp.schedulers.shell import Command, Reply

CAPTURED = Path(__file__).parent / "captured"


def captured(place: str, name: str) -> Reply:
    """Read a reply: the command, what it printed, its exit code, and what it printed as errors.

    What was never run is written from a manual, and begins with a line that says so.
    """
    text = re.sub(r"\A#.*\n", "", (CAPTURED / place / f"{name}.txt").read_text())
    command, text = text.split("\n", 1)
    out, code, err = re.split(r"^\[exit (\d+)\]\n", text, flags=re.MULTILINE)
    return Reply(Command(tuple(split(command.removeprefix("$ ")))), int(code), out, err.removeprefix("[stderr]\n"))


def reply(out: str = "", err: str = "", code: int = 0) -> Reply:
    """Make a reply."""
    return Reply(Command(("program", "with", "words")), code, out, err)


class Answers:
    """A shell that gives one answer after the other, and keeps what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, command: Command) -> Reply:
        self.asked.append(command.words)
        return self.replies.pop(0)
