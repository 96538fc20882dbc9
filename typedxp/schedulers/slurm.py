"""Owns Slurm: sbatch, squeue, sacct, scancel, scontrol.

Sources: the manual pages sbatch(1), squeue(1), sacct(1), scancel(1) and scontrol(1) of Slurm 22.05.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Profile, Text, Writer, with_the_job
from typedxp.schedulers.shell import Command, Reply, Shell, refused, unreadable
from typedxp.schedulers.units import days_clock, seconds, spell_memory
from typedxp.vocabulary.jobs import JobState, JobStatus

_INHERITED = ("SLURM_*", "SBATCH_*", "SLURMD_*", "SRUN_*")
_MAILS = {"begin": "BEGIN", "end": "END", "fail": "FAIL"}


class Slurm(Profile):
    """A profile for Slurm. What all schedulers share has the names of :class:`Profile`; the rest those of sbatch."""

    scheduler: Literal["slurm"] = "slurm"
    partition: Text | None = Field(default=None, description="--partition; Slurm's name of queue")
    qos: Text | None = Field(default=None, description="--qos: quality of service")
    constraint: Text | None = Field(default=None, description="--constraint: features that nodes must have")
    gres: Text | None = Field(default=None, description="--gres, as in gpu:a100:2; excludes gpus")
    gpus_per_node: Text | None = Field(default=None, description="--gpus-per-node, as in a100:2; excludes gpus")
    exclusive: bool | None = Field(default=None, description="--exclusive: share nodes with nobody")
    reservation: Text | None = Field(default=None, description="--reservation")
    nodelist: Text | None = Field(default=None, description="--nodelist: these nodes")
    exclude_nodes: Text | None = Field(default=None, description="--exclude: not these nodes")
    signal: Text | None = Field(default=None, description="--signal, as in B:USR1@120; warn writes it for you")
    tasks_per_node: PositiveInt | None = Field(default=None, description="--ntasks-per-node")

    prefix: ClassVar[str] = "#SBATCH"
    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {
        "time": lambda p, _: f"--time={days_clock(p.time)}",
        "nodes": lambda p, _: f"--nodes={p.nodes}",
        "tasks": lambda p, _: f"--ntasks={p.tasks}",
        "tasks_per_node": lambda p, _: f"--ntasks-per-node={p.tasks_per_node}",
        "cpus": lambda p, _: f"--cpus-per-task={p.cpus}",
        "mem": lambda p, _: f"--mem={spell_memory(p.mem)}",
        "mem_per_cpu": lambda p, _: f"--mem-per-cpu={spell_memory(p.mem_per_cpu)}",
        ("gpus", "gpu_type"): lambda p, _: f"--gres=gpu:{f'{p.gpu_type}:' if p.gpu_type else ''}{p.gpus}",
        "account": lambda p, _: f"--account={p.account}",
        ("queue", "partition"): lambda p, _: f"--partition={p.queue or p.partition}",
        "name": with_the_job,
        "parallel": with_the_job,
        "after": lambda p, _: ["--dependency=afterok:" + ":".join(p.after), "--kill-on-invalid-dep=yes"],
        "requeue": lambda p, _: "--requeue" if p.requeue else "--no-requeue",
        "warn": lambda p, _: f"--signal=B:USR1@{seconds(p.warn)}",
        ("mail", "mail_on"): lambda p, _: [f"--mail-user={p.mail}", f"--mail-type={_mail_types(p)}"],
        "qos": lambda p, _: f"--qos={p.qos}",
        "constraint": lambda p, _: f"--constraint={p.constraint}",
        "gres": lambda p, _: f"--gres={p.gres}",
        "gpus_per_node": lambda p, _: f"--gpus-per-node={p.gpus_per_node}",
        "exclusive": lambda p, _: "--exclusive" if p.exclusive else [],
        "reservation": lambda p, _: f"--reservation={p.reservation}",
        "nodelist": lambda p, _: f"--nodelist={p.nodelist}",
        "exclude_nodes": lambda p, _: f"--exclude={p.exclude_nodes}",
        "signal": lambda p, _: f"--signal={p.signal}",
    }

    @model_validator(mode="after")
    def _slurm_fits_together(self) -> Slurm:
        self.exclude("gpus", "gres", "gpus_per_node")
        self.exclude("queue", "partition")
        self.exclude("warn", "signal")
        return self


def _mail_types(profile: Any) -> str:
    return ",".join(_MAILS[event] for event in profile.mail_on or ["end", "fail"])


class SlurmScheduler(Scheduler):
    """Slurm's commands and answers."""

    name = "slurm"
    profile = Slurm
    task = "SLURM_ARRAY_TASK_ID"
    own_name = ("${SLURM_JOB_ID}", "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}")
    inherited = _INHERITED
    # https://slurm.schedmd.com/job_state_codes.html
    states: ClassVar[Mapping[str, JobState]] = {
        "PENDING": JobState.QUEUED,
        "CONFIGURING": JobState.RUNNING,
        "REQUEUED": JobState.QUEUED,
        "REQUEUE_HOLD": JobState.HELD,
        "REQUEUE_FED": JobState.QUEUED,
        "SPECIAL_EXIT": JobState.HELD,
        "RESV_DEL_HOLD": JobState.HELD,
        "RUNNING": JobState.RUNNING,
        "RESIZING": JobState.RUNNING,
        "SUSPENDED": JobState.RUNNING,
        "STOPPED": JobState.RUNNING,
        "SIGNALING": JobState.RUNNING,
        "STAGE_OUT": JobState.RUNNING,
        "COMPLETING": JobState.RUNNING,
        "COMPLETED": JobState.COMPLETED,
        "FAILED": JobState.FAILED,
        "BOOT_FAIL": JobState.NODE_FAILED,
        "NODE_FAIL": JobState.NODE_FAILED,
        "LAUNCH_FAILED": JobState.FAILED,
        "RECONFIG_FAIL": JobState.FAILED,
        "CANCELLED": JobState.CANCELLED,
        "REVOKED": JobState.CANCELLED,
        "TIMEOUT": JobState.TIMEOUT,
        "DEADLINE": JobState.TIMEOUT,
        "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
        "PREEMPTED": JobState.PREEMPTED,
    }

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, output and array."""
        placeholder = "%A_%a" if job.count is not None else "%j"
        options = [
            f"--job-name={_word(profile.name or job.name)}",
            f"--output={_word(f'{job.output}/{placeholder}.log')}",
        ]
        if job.count is not None:
            throttle = f"%{profile.parallel}" if profile.parallel is not None else ""
            options.append(f"--array=0-{job.count - 1}{throttle}")
        return options

    def output_file(self, element: str) -> str:
        """Name the file of an element."""
        return f"{element}.log"

    def submit_command(self, script: Path) -> Command:
        """Submit with an answer for programs."""
        return Command(("sbatch", "--parsable", str(script)), without=_INHERITED)

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read ``id``, or ``id;cluster`` on a federation."""
        if reply.code != 0:
            raise refused(reply)
        job = reply.out.strip().partition(";")[0]
        if not job.isdigit():
            raise unreadable(reply)
        return Submitted(job, (job,) if count is None else tuple(f"{job}_{index}" for index in range(count)))

    def test_command(self, script: Path) -> Command:
        """Ask when the job would start."""
        return Command(("sbatch", "--test-only", str(script)), without=_INHERITED)

    def limit_command(self) -> Command:
        """Ask for the configuration."""
        return Command(("scontrol", "show", "config"))

    def read_limit(self, reply: Reply) -> int | None:
        """Read MaxArraySize: the highest index is one less, and so the number of elements from 0 on is at most that."""
        match = re.search(r"^MaxArraySize\s*=\s*(\d+)", reply.out, re.MULTILINE)
        return int(match[1]) if match else None

    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask squeue, which knows what is there and what has ended in the last minutes; and sacct for the others."""
        raise NotImplementedError

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Cancel by one command."""
        return [Command(("scancel", *names))]

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Hold by one command."""
        return [Command(("scontrol", "hold", ",".join(names)))]

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Release by one command."""
        return [Command(("scontrol", "release", ",".join(names)))]

    def requeue_command(self, name: str) -> Command:
        """Requeue, which users may do with their own jobs."""
        return Command(("scontrol", "requeue", name))


def _word(text: str) -> str:
    """Quote an option's value as sbatch reads it: like a shell, a double quote keeps spaces together."""
    return (
        text
        if re.fullmatch(r"[\w./%:,=+-]*", text, re.ASCII)
        else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )
