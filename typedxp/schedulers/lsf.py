"""Owns LSF: bsub, bjobs, bkill, bstop, bresume, brequeue, bparams.

Sources: the manual pages of these commands in IBM's command reference of Spectrum LSF 10.1, and "Termination reasons
displayed by bacct, bhist, and bjobs" in its administrator's guide. It was never run against an LSF.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import ClassVar

from typedxp.errors import ProfileError
from typedxp.schedulers import lsf_answers as answers
from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.lsf_profile import REQUEUE, Lsf
from typedxp.schedulers.profile import Profile
from typedxp.schedulers.shell import Command, Reply, Shell, batches, refused, unreadable
from typedxp.vocabulary.jobs import JobState, JobStatus

__all__ = ["Lsf", "LsfScheduler"]

# Those that users set for themselves, such as LSB_DEFAULTPROJECT, and those by which commands find the cluster stay.
_INHERITED = (
    "LSB_JOB*",
    "LSB_BATCH_JID",
    "LSB_HOSTS",
    "LSB_MCPU_HOSTS",
    "LSB_DJOB_*",
    "LSB_AFFINITY_*",
    "LSB_GPU_*",
    "LSB_SUB_*",
    "LSB_RESTART*",
    "LS_JOBPID",
    "LS_SUBCWD",
    # By these bsub would be silent, wait, or only look at what is asked for.
    "BSUB_*",
)
_SUBMITTED = re.compile(r"Job <(\d+)> is submitted\b", re.ASCII)
_DONE_WITH = re.compile(r"Job <[^>]*>:? (?:Job has already finished|No matching job found|is not found|is being \w+)")


class LsfScheduler(Scheduler):
    """LSF's commands and answers."""

    name = "lsf"
    profile = Lsf
    first = 1
    task = "LSB_JOBINDEX"
    own_name = ("${LSB_JOBID}", "${LSB_JOBID}[${LSB_JOBINDEX}]")
    inherited = _INHERITED
    requeue_code = REQUEUE
    # bjobs(1), "Job status". What ended otherwise than DONE is told apart by its reason.
    states: ClassVar[Mapping[str, JobState]] = {
        "PEND": JobState.QUEUED,
        "WAIT": JobState.QUEUED,
        "PSUSP": JobState.HELD,
        "PROV": JobState.RUNNING,
        "RUN": JobState.RUNNING,
        "USUSP": JobState.RUNNING,
        "SSUSP": JobState.RUNNING,
        "DONE": JobState.COMPLETED,
        "EXIT": JobState.FAILED,
        # LSF has lost contact with the host: what became of the job is not known.
        "UNKWN": JobState.UNKNOWN,
        "ZOMBI": JobState.UNKNOWN,
    }

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, array, and where LSF's own report of the job goes."""
        name = _job_name(profile, job)
        report = f"{job.output}/{'%J' if job.count is None else '%J_%I'}.lsf" if _plain(job.output) else "/dev/null"
        if job.count is None:
            return [f"-J {name}", f'-o "{report}"']
        throttle = f"%{profile.parallel}" if profile.parallel is not None else ""
        return [f'-J "{name}[1-{job.count}]{throttle}"', f'-o "{report}"']

    def opening(self, job: Job) -> list[str]:
        """Write what is printed at once: LSF by itself keeps it until the job has ended."""
        name = "${LSB_JOBID}" if job.count is None else "${LSB_JOBID}_${LSB_JOBINDEX}"
        return [f'exec >>{quote(str(job.output))}/"{name}.log" 2>&1']

    def output_file(self, element: str) -> str:
        """Name the file of ``12`` or ``12[3]``."""
        return f"{element.replace('[', '_').rstrip(']')}.log"

    def submit_command(self, script: Path) -> Command:
        """Submit by standard input: bsub looks for directives nowhere else."""
        return Command(("bsub",), without=_INHERITED, stdin_file=script)

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read ``Job <12> is submitted to queue <normal>.``, with what the site prints before."""
        if reply.code != 0:
            raise refused(reply)
        match = _SUBMITTED.search(reply.out)
        if match is None:
            raise unreadable(reply)
        job = match[1]
        return Submitted(job, (job,) if count is None else tuple(f"{job}[{index}]" for index in range(1, count + 1)))

    def limit_command(self) -> Command:
        """Ask for the parameters of the cluster."""
        return Command(("bparams", "-l"))

    def read_limit(self, reply: Reply) -> int | None:
        """Read MAX_JOB_ARRAY_SIZE, which is the highest index as well."""
        match = re.search(r"\bMAX_JOB_ARRAY_SIZE\s*=\s*(\d+)", reply.out)
        return int(match[1]) if match else None

    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask bjobs, which knows of finished jobs for an hour, or as long as the site says."""
        wanted = {element for elements in jobs.values() for element in elements}
        found: dict[str, JobStatus] = {}
        for names in batches([*jobs]):
            for record in answers.read_records(names, shell):
                found[answers.element(record)] = answers.status(self.state(record.get("STAT", "")), record)
        return {element: status for element, status in found.items() if element in wanted}

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Kill jobs and elements alike."""
        return [Command(("bkill", *some)) for some in batches(names)]

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Suspend jobs and elements alike; what is queued does not start, what is running is stopped."""
        return [Command(("bstop", *some)) for some in batches(names)]

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Resume jobs and elements alike."""
        return [Command(("bresume", *some)) for some in batches(names)]

    def requeue_command(self, name: str) -> Command:
        """Kill and requeue, which users may do with their own jobs."""
        return Command(("brequeue", name))

    def gone(self, reply: Reply) -> bool:
        """Whether bkill found jobs that have ended, and no other trouble."""
        said = [line for line in f"{reply.out}\n{reply.err}".splitlines() if line.strip()]
        return bool(said) and all(_DONE_WITH.match(line.strip()) for line in said)


def _job_name(profile: Profile, job: Job) -> str:
    """Return the name of a job; that of the experiment is changed where it has other letters than an array may have."""
    if profile.name is not None and not re.fullmatch(r"[\w.-]+", profile.name, re.ASCII):
        raise ProfileError(
            f"LSF does not take {profile.name!r} as the name of an array: it has letters, digits, '.', '-' and '_'. "
            "Change `name`."
        )
    return profile.name or re.sub(r"[^\w.-]", "_", job.name, flags=re.ASCII)


def _plain(path: Path) -> bool:
    """Whether a path survives -o: a percent sign, a quote or a dollar is read as something else there."""
    return re.fullmatch(r"[\w ./,:=+@-]+", str(path), re.ASCII) is not None
