"""Owns Moab (MWM): msub, showq, mjobctl.

Sources: the pages msub, showq and mjobctl, "Job arrays", "Job dependencies", "Job holds" and "Resource manager
extensions" of Adaptive Computing's Moab Workload Manager 9 administrator guide, and what showq was seen to answer
elsewhere. It was never run against a Moab.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from getpass import getuser
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar, Literal
from xml.etree import ElementTree as ET

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from typedxp.schedulers import pbs_family as family
from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Lines, Profile, Text, Writer, with_the_job
from typedxp.schedulers.shell import Command, Reply, Shell, answered, batches, refused, unreadable
from typedxp.schedulers.units import Memory, clock, seconds
from typedxp.vocabulary.jobs import JobState, JobStatus

_INHERITED = ("MOAB_*", *family.INHERITED)
_NODES = ("nodes", "tasks", "cpus", "gpus")
# By its number: the manual shows no names.
_USR1 = 10
# 12; Moab.12, where ids are Moab's own; 12.host, where the resource manager gives them.
_ID = re.compile(r"((?:[\w-]+\.)*\d+)(?:\[\])?((?:\.[\w-]+)*)", re.ASCII)
_PLAIN = re.compile(r"[\w.:@+=/%&|*~!^<>,-]+", re.ASCII)
_FORBIDDEN = re.compile(r"authoriz|permission|denied|not allowed", re.IGNORECASE)
_DONE = re.compile(
    r"holds modified for job '([^']+)'|job '([^']+)' cancelled|invalid job specified \(([^)]+)\)", re.IGNORECASE
)

# What the resource manager TORQUE says of a job that it stopped itself.
_CODES: Mapping[int, JobState] = {-10: JobState.OUT_OF_MEMORY, -11: JobState.TIMEOUT, -12: JobState.TIMEOUT}


def _nodes(profile: Any, _job: Job) -> str:
    """Ask for nodes, and for processors on each; for processors anywhere if the profile names no nodes."""
    cpus = profile.cpus or 1
    if profile.anywhere:
        return f"-l procs={profile.tasks}"
    nodes = profile.nodes or 1
    each = (profile.tasks or nodes) // nodes
    return f"-l nodes={nodes}:ppn={each * cpus}{f':gpus={profile.gpus}' if profile.gpus is not None else ''}"


class Moab(Profile):
    """A profile for Moab. What all schedulers share has the names of :class:`Profile`; the rest those of msub."""

    scheduler: Literal["moab"] = "moab"
    qos: Text | None = Field(default=None, description="-l qos: quality of service")
    feature: Text | None = Field(default=None, description="-l feature: what nodes must have, as in fast or ib:bigmem")
    partition: Text | None = Field(default=None, description="-l partition: the partition, or cluster")
    gres: Text | None = Field(default=None, description="-l gres: generic resources of each task, as in matlab+2")
    advres: Text | None = Field(default=None, description="-l advres: the reservation")
    naccesspolicy: (
        Literal["SHARED", "SINGLEJOB", "SINGLETASK", "SINGLEUSER", "UNIQUEUSER", "SHAREDONLY", "SINGLEGROUP"] | None
    ) = Field(default=None, description="-l naccesspolicy: who else may use the nodes; SINGLEJOB is nobody")
    flags: Lines | None = Field(default=None, description="-l flags: flags of the job, as in [preemptee]")
    vmem: Memory | None = Field(default=None, description="-l vmem: virtual memory of the whole job")
    pvmem: Memory | None = Field(default=None, description="-l pvmem: virtual memory of each process")
    priority: family.Priority | None = Field(default=None, description="-p: priority among your own jobs")

    prefix: ClassVar[str] = "#MSUB"
    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {
        _NODES: _nodes,
        "time": lambda p, _: f"-l walltime={clock(p.time)}",
        "mem": lambda p, _: f"-l mem={family.size(p.mem)}",
        "mem_per_cpu": lambda p, _: f"-l pmem={family.size(p.mem_per_cpu)}",
        "vmem": lambda p, _: f"-l vmem={family.size(p.vmem)}",
        "pvmem": lambda p, _: f"-l pvmem={family.size(p.pvmem)}",
        "queue": lambda p, _: f"-q {p.queue}",
        "account": lambda p, _: f"-A {p.account}",
        "qos": lambda p, _: f"-l qos={p.qos}",
        "feature": lambda p, _: f"-l feature={p.feature}",
        "partition": lambda p, _: f"-l partition={p.partition}",
        "gres": lambda p, _: f"-l gres={p.gres}",
        "advres": lambda p, _: f"-l advres={p.advres}",
        "naccesspolicy": lambda p, _: f"-l naccesspolicy={p.naccesspolicy}",
        "flags": lambda p, _: f"-l flags={','.join(p.flags)}",
        "priority": lambda p, _: f"-p {p.priority}",
        "name": with_the_job,
        "parallel": with_the_job,
        "after": lambda p, _: "-l depend=" + ":".join(["afterok", *p.after]),
        "requeue": lambda p, _: f"-r {'y' if p.requeue else 'n'}",
        "warn": lambda p, _: f"-l signal={_USR1}@{seconds(p.warn)}",
        ("mail", "mail_on"): lambda p, _: [f"-M {p.mail}", f"-m {family.mail_letters(p)}"],
    }

    @property
    def anywhere(self) -> bool:
        """Whether the tasks may be on any number of nodes."""
        return self.nodes is None and (self.tasks or 1) > 1

    @model_validator(mode="after")
    def _moab_fits_together(self) -> Moab:
        self._layout()
        for field in ("queue", "account", "qos", "feature", "partition", "gres", "advres", "flags", "mail", "after"):
            value = getattr(self, field) or []
            for text in [value] if isinstance(value, str) else value:
                if not _PLAIN.fullmatch(text):
                    raise PydanticCustomError(
                        "plain", f"The manual of msub knows no quotes: {field} cannot be {text!r}"
                    )
        for job in self.after or []:
            if "[" in job or not _ID.fullmatch(job):
                raise PydanticCustomError("dependency", "Moab calls a job 12 or moab.12; after cannot be elements")
        return self

    def _layout(self) -> None:
        if self.anywhere and (self.asked & {"cpus", "gpus", "mem"}):
            raise PydanticCustomError("nodes", "Moab puts tasks on any nodes: for cpus, gpus or mem set nodes, too")
        if (self.nodes or 1) > 1 and self.mem is not None:
            raise PydanticCustomError("mem", "mem is that of the whole job to Moab: on several nodes, use mem_per_cpu")
        if self.nodes is not None and (self.tasks or self.nodes) % self.nodes != 0:
            raise PydanticCustomError(
                "tasks", "Moab puts as many tasks on each node: tasks must be a multiple of nodes"
            )
        if self.gpus == 0:
            raise PydanticCustomError("gpus", "Moab has no word for no GPUs: leave gpus out")


class MoabScheduler(Scheduler):
    """Moab's commands and answers."""

    name = "moab"
    profile = Moab
    first = 1
    task = "MOAB_JOBARRAYINDEX"
    own_name = ("${MOAB_JOBID}", "${MOAB_JOBID%%[[]*}[${MOAB_JOBARRAYINDEX}]")
    inherited = _INHERITED
    # "Job states" of the administrator guide. What has ended is told apart by its completion code.
    states: ClassVar[Mapping[str, JobState]] = {
        "Idle": JobState.QUEUED,
        "Deferred": JobState.QUEUED,
        "Blocked": JobState.QUEUED,
        "NotQueued": JobState.QUEUED,
        "Migrated": JobState.QUEUED,
        "Staged": JobState.QUEUED,
        "Staging": JobState.QUEUED,
        "Hold": JobState.HELD,
        "UserHold": JobState.HELD,
        "SystemHold": JobState.HELD,
        "BatchHold": JobState.HELD,
        "Starting": JobState.RUNNING,
        "Running": JobState.RUNNING,
        "Suspended": JobState.RUNNING,
        "Canceling": JobState.RUNNING,
        "Completed": JobState.COMPLETED,
        "Removed": JobState.CANCELLED,
        "Vacated": JobState.NODE_FAILED,
    }

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, shell, variables, output and array."""
        name = family.job_name(profile, job)
        output = f"{job.output}/moab.log" if family.plain(job.output) else "/dev/null"
        # -E adds the variables that begin with MOAB_; those of an array need -V as well.
        options = [f"-N {name}", family.SHELL, "-E", "-j oe", f"-o {output}"]
        if job.count is not None:
            throttle = f"%{profile.parallel}" if profile.parallel is not None else ""
            options += ["-V", f"-t {name}.[1-{job.count}]{throttle}"]
        return options

    def opening(self, job: Job) -> list[str]:
        """Write to a file for each element: the manual knows no placeholders for -o."""
        element = "" if job.count is None else f"_${{{self.task}}}"
        return [f'exec >>{quote(str(job.output))}/"${{MOAB_JOBID%%[[]*}}{element}.log" 2>&1']

    def output_file(self, element: str) -> str:
        """Name the file of ``12`` or ``12[3]``."""
        return f"{element.replace('[', '_').rstrip(']')}.log"

    def submit_command(self, script: Path) -> Command:
        """Submit; msub prints the id, and an empty line before."""
        return Command(("msub", str(script)), without=_INHERITED)

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read ``12``, ``Moab.12`` or ``12.host``; showq and mjobctl know the elements of an array without the host."""
        if reply.code != 0:
            raise refused(reply)
        said = reply.out.strip().splitlines()
        match = _ID.fullmatch(said[-1].strip()) if said else None
        if match is None:
            raise unreadable(reply)
        job = match[1] if count is not None else match[1] + match[2]
        return Submitted(job, (job,) if count is None else tuple(f"{job}[{index}]" for index in range(1, count + 1)))

    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask showq for all jobs that have not ended; and for those that have, if some are missing."""
        found = _ask((), shell)
        if any(name not in found for elements in jobs.values() for name in elements):
            found |= {name: facts for name, facts in _ask(("-c",), shell).items() if name not in found}
        known: dict[str, JobStatus] = {}
        for job, elements in jobs.items():
            for element in elements:
                facts = found.get(element)
                status = self._status(facts) if facts is not None else self._not_begun(found.get(job))
                if status is not None:
                    known[element] = status
        return known

    def _not_begun(self, facts: Mapping[str, str] | None) -> JobStatus | None:
        """Return how an element stands of an array that is still one job to Moab."""
        if facts is None:
            return None
        status = self._status(facts)
        return status if status.state in (JobState.QUEUED, JobState.HELD) else None

    def _status(self, facts: Mapping[str, str]) -> JobStatus:
        native = facts.get("State", "")
        state = self.state(native)
        if state.final:
            return _ended(state, facts)
        reason = family.one_line(facts.get("BlockReason", ""))
        return JobStatus(state, native, reason=reason or None)

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Cancel jobs and elements alike: mjobctl takes a list of them."""
        return [Command(("mjobctl", "-c", ",".join(some))) for some in batches(names)]

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Put a hold of the user's own on jobs and elements alike."""
        return [Command(("mjobctl", "-h", "user", ",".join(some))) for some in batches(names)]

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Take the user's hold off jobs and elements alike."""
        return [Command(("mjobctl", "-u", "user", ",".join(some))) for some in batches(names)]

    def gone(self, reply: Reply) -> bool:
        """Whether mjobctl says of each job either that it has acted on it or that there is none any more."""
        said = {name for names in _DONE.findall(f"{reply.out}\n{reply.err}") for name in names}
        return said >= set(reply.command.words[-1].split(","))


def _ask(options: Sequence[str], shell: Shell) -> dict[str, dict[str, str]]:
    """Ask for the user's own jobs; return what is said of each, by its name."""
    reply = shell(Command(("showq", "--xml", *options, "-w", f"user={getuser()}")))
    if options and reply.code != 0 and _FORBIDDEN.search(reply.said):
        # Some sites let administrators only see what has ended.
        return {}
    answered(reply)
    text = reply.out.strip()
    if not text:
        return {}
    try:
        jobs = [dict(job.attrib) for job in ET.fromstring(text).iter("job")]  # noqa: S314 - it declares nothing
    except ET.ParseError as error:
        raise unreadable(reply) from error
    # A job that was handed on may have another JobID: it keeps Moab's own, or has that of the resource manager as well.
    found: dict[str, dict[str, str]] = {}
    for name in ("DRMJID", "GJID", "JobID"):
        found |= {
            job[name]: job for job in jobs if name in job and ("[" not in job.get("JobID", "") or name == "JobID")
        }
    return found


def _ended(state: JobState, facts: Mapping[str, str]) -> JobStatus:
    native, said = facts.get("State", ""), facts.get("CompletionCode", "")
    code = family.number(match[0]) if (match := re.search(r"-?\d+", said)) else None
    if state is JobState.COMPLETED and not said.startswith("CNCLD"):
        state = JobState.UNKNOWN if code is None else _CODES.get(code, JobState.FAILED) if code != 0 else state
    elif state in (JobState.COMPLETED, JobState.CANCELLED):
        state = JobState.TIMEOUT if _used_up(facts) else JobState.CANCELLED
    exit_code, signal = family.ended(code) if code is not None else (None, None)
    reason = f"{native}, CompletionCode {said or 'missing'}" if state is not JobState.COMPLETED else None
    return JobStatus(state, native, exit_code, signal, reason)


def _used_up(facts: Mapping[str, str]) -> bool:
    """Whether a job that was removed had used all of its time."""
    used, asked = family.number(facts.get("AWDuration")), family.number(facts.get("ReqAWDuration"))
    return used is not None and asked is not None and used >= asked > 0
