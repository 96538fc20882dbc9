"""Owns the local scheduler: a queue of processes of this machine, for machines that have no scheduler.

The queue itself is ``typedxp.schedulers.queue``, a program like those of schedulers: commands, and answers in JSON.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Lines, Profile, Writer, with_the_job
from typedxp.schedulers.shell import Command, Reply, Shell, answered, batches, refused, unreadable
from typedxp.schedulers.units import Walltime, seconds
from typedxp.vocabulary.jobs import JobState, JobStatus

_QUEUE = (sys.executable, "-P", "-m", "typedxp.schedulers.queue")
_BAD_OPTION = 2
"""The exit code by which the queue tells that an option makes no sense, or can never be met."""


class Local(Profile):
    """A profile for this machine: a queue of processes that outlives the shell that they are launched from."""

    scheduler: Literal["local"] = "local"
    slots: PositiveInt | None = Field(
        default=None, description="start only while fewer runs than this are running; the number of CPUs by default"
    )
    gpu_ids: Lines | None = Field(
        default=None,
        description="the GPUs to choose from, as in [0,1]; what CUDA_VISIBLE_DEVICES or nvidia-smi tells by default",
    )
    grace: Walltime | None = Field(
        default=None, description="from the signal that asks a run to stop to the one that kills it; 30s by default"
    )

    prefix: ClassVar[str] = "#LOCAL"
    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {
        "slots": lambda p, _: f"--slots={p.slots}",
        "time": lambda p, _: f"--time={seconds(p.time)}",
        "warn": lambda p, _: f"--warn={seconds(p.warn)}",
        "grace": lambda p, _: f"--grace={seconds(p.grace)}",
        "cpus": lambda p, _: f"--cpus={p.cpus}",
        "gpus": lambda p, _: f"--gpus={p.gpus}",
        "gpu_ids": lambda p, _: f"--gpu-ids={quote(','.join(p.gpu_ids))}",
        "name": with_the_job,
        "parallel": with_the_job,
        "after": lambda p, _: f"--after={quote(','.join(p.after))}",
        "requeue": lambda p, _: "--requeue" if p.requeue else "--no-requeue",
    }

    @model_validator(mode="after")
    def _local_fits_together(self) -> Local:
        self.need("gpu_ids", "gpus")
        if self.gpu_ids is not None and (self.gpus or 0) > len(set(self.gpu_ids)):
            raise PydanticCustomError("gpu_ids", "gpus is more than there are gpu_ids")
        return self


class LocalScheduler(Scheduler):
    """The commands and answers of the queue."""

    name = "local"
    profile = Local
    task = "TYPEDXP_LOCAL_TASK_ID"
    own_name = ("${TYPEDXP_LOCAL_JOB_ID}", "${TYPEDXP_LOCAL_JOB_ID}_${TYPEDXP_LOCAL_TASK_ID}")
    requeue_code = 99
    states: ClassVar[Mapping[str, JobState]] = {
        "QUEUED": JobState.QUEUED,
        "HELD": JobState.HELD,
        "RUNNING": JobState.RUNNING,
        "COMPLETED": JobState.COMPLETED,
        "FAILED": JobState.FAILED,
        "CANCELLED": JobState.CANCELLED,
        "TIMEOUT": JobState.TIMEOUT,
        "VANISHED": JobState.NODE_FAILED,
    }

    def impossible(self, profile: Profile, shell: Shell) -> list[tuple[str, str]]:
        """Let the queue, which is on this machine, judge the options, if there are some that it could refuse."""
        if not profile.asked & {"cpus", "gpus", "after", "directives"}:
            return []
        lines = "\n".join(self.directives(profile, Job("job", (), Path("/"), Path("/"))))
        try:
            reply = shell(Command((*_QUEUE, "submit", "--test", "/dev/stdin"), stdin=f"{lines}\n"))
        except SchedulerError:
            return []
        return [(_field(line, profile), line) for line in reply.said.splitlines()] if reply.code == _BAD_OPTION else []

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, output and array."""
        directory = str(job.output).replace("%", "%%")
        options = [f"--name={quote(profile.name or job.name)}", f"--output={quote(f'{directory}/%n.log')}"]
        if job.count is not None:
            throttle = f"%{profile.parallel}" if profile.parallel is not None else ""
            options.append(f"--array=0-{job.count - 1}{throttle}")
        return options

    def output_file(self, element: str) -> str:
        """Name the file of an element."""
        return f"{element}.log"

    def submit_command(self, script: Path) -> Command:
        """Submit a script. The queue itself forgets the job that we may be in."""
        return Command((*_QUEUE, "submit", str(script)))

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read the name of the job, and those of its elements."""
        if reply.code != 0:
            raise refused(reply)
        answer = _read(reply)
        job, elements = answer.get("job"), answer.get("elements")
        if not isinstance(job, str) or not isinstance(elements, list) or len(elements) != (count or 1):
            raise unreadable(reply)
        return Submitted(job, tuple(map(str, elements)))

    def test_command(self, script: Path) -> Command:
        """Ask what the job would be."""
        return Command((*_QUEUE, "submit", "--test", str(script)))

    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask about whole jobs."""
        wanted = {name for names in jobs.values() for name in names}
        found: dict[str, JobStatus] = {}
        for some in batches(list(jobs)):
            reply = answered(shell(Command((*_QUEUE, "status", *some))))
            found |= {name: self._status(said, reply) for name, said in _read(reply).items() if name in wanted}
        return found

    def _status(self, said: Any, reply: Reply) -> JobStatus:
        try:
            word, code, number = str(said["word"]), said.get("exit_code"), said.get("signal")
            return JobStatus(self.state(word), word, code, number, said.get("reason"))
        except (TypeError, KeyError, AttributeError) as error:
            raise unreadable(reply) from error

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Cancel elements or jobs by name."""
        return _act("cancel", names)

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Hold what is queued."""
        return _act("hold", names)

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Release what is held."""
        return _act("release", names)

    def requeue_command(self, name: str) -> Command:
        """Stop a running element, and queue it again."""
        return Command((*_QUEUE, "requeue", name))


def _field(refusal: str, profile: Profile) -> str:
    """Name the field of a profile that the queue refuses: what was not set itself was written into ``directives``."""
    about = re.match(r"(?:Argument )?--([a-z-]+)", refusal)
    field = about[1].replace("-", "_") if about is not None else ""
    return field if field in profile.asked else "directives"


def _act(verb: str, names: Sequence[str]) -> list[Command]:
    return [Command((*_QUEUE, verb, *some)) for some in batches(names)]


def _read(reply: Reply) -> dict[str, Any]:
    try:
        answer = json.loads(reply.out)
    except ValueError as error:
        raise unreadable(reply) from error
    if not isinstance(answer, dict):
        raise unreadable(reply)
    return answer
