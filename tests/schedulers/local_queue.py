"""A local queue for tests: a directory of its own, and the processes that it has started."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from typedxp.schedulers.queue.files import QueueFiles
from typedxp.schedulers.shell import Command, Reply, local_shell
from typedxp.vocabulary.processes import process_start

PATIENCE = 60.0


class LocalQueue:
    """A shell whose commands go to a queue in a directory of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.files = QueueFiles(state / "typedxp" / "queue" / os.uname().nodename)

    def __call__(self, command: Command) -> Reply:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_STATE_HOME", str(self.state))
            return local_shell(command)

    def say(self, *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Reply:
        """Give the queue a command."""
        command = [sys.executable, "-P", "-m", "typedxp.schedulers.queue", *words]
        done = run(command, cwd=cwd, env=self.environment(env), capture_output=True, text=True, check=False)
        return Reply(Command(tuple(words)), done.returncode, done.stdout, done.stderr)

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a user of this queue."""
        return {**os.environ, "XDG_STATE_HOME": str(self.state), **(env or {})}

    def ask(self, *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Give the queue a command that must succeed; return its answer."""
        reply = self.say(*words, cwd=cwd, env=env)
        assert reply.code == 0, reply.err
        answer: dict[str, Any] = json.loads(reply.out)
        return answer

    def submit(self, place: Path, body: str, *options: str, env: Mapping[str, str] | None = None) -> str:
        """Submit a script from a directory; return the name of the job."""
        script = place / f"{len(list(place.glob('*.sh')))}.sh"
        script.write_text("#!/bin/bash\n" + "".join(f"#LOCAL {option}\n" for option in options) + body + "\n")
        job: str = self.ask("submit", str(script), cwd=place, env=env)["job"]
        return job

    @property
    def last(self) -> str:
        """The name of the job that was submitted last."""
        return str(self.files.numbers()[-1])

    def word(self, name: str) -> str:
        """Say where an element stands, by the queue's word."""
        word: str = self.ask("status", name)[name]["word"]
        return word

    def words(self, job: str) -> list[str]:
        """Say where all elements of a job stand."""
        return [said["word"] for said in self.ask("status", job).values()]

    def ended(self, job: str) -> list[str]:
        """Wait until a job has ended; return how its elements did."""
        # The question replaces a dispatcher that was killed; from then on the files are looked at, which is cheap.
        self.words(job)
        queued = self.files.job(int(job))
        assert queued is not None
        until(lambda: all(record.word.final for record in self.files.records(queued).values()))
        return self.words(job)

    @property
    def dispatcher(self) -> int | None:
        """The process that dispatches now."""
        text = (self.files.root / "dispatcher.lock").read_text()
        return int(text) if text and process_start(int(text)) is not None else None


def until(done: Callable[[], bool]) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
