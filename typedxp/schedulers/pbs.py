"""Owns PBS Professional and OpenPBS: qsub, qstat, qdel, qhold, qrls.

Sources: the manual pages qsub(1B), qstat(1B), qdel(1B), qhold(1B), pbs_resources(7B) and pbs_job_attributes(7B), and
answers of OpenPBS 23.06.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from glob import escape
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from typedxp.errors import ProfileError, SchedulerError
from typedxp.schedulers import pbs_family as family
from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Profile, Text, Writer, with_the_job
from typedxp.schedulers.shell import Command, Reply, Shell, batches, refused, unreadable
from typedxp.schedulers.units import clock
from typedxp.vocabulary.jobs import JobState, JobStatus

_CHUNKS = ("nodes", "tasks", "cpus", "mem", "mem_per_cpu", "gpus")

_QUESTIONS = (("-xtf", "-F", "json"), ("-tf", "-F", "json"), ("-xtf",), ("-tf",))
"""Ways to ask, the best first: servers that keep no history refuse -x, old ones refuse json or write it wrongly."""

_FORGOTTEN = re.compile(r"Unknown Job Id|Job has finished", re.IGNORECASE)
_GONE = re.compile(r"Unknown Job Id|Job has finished|invalid for state of job", re.IGNORECASE)
_OTHER_WAY = re.compile(r"history|usage:|invalid option|illegal|conflicting", re.IGNORECASE)
_EXCEEDED = re.compile(r"exceeded (?:resource |limit )?(\w+)", re.IGNORECASE)

# job.h of OpenPBS: JOB_EXEC_*
_EXITS: Mapping[int, JobState] = {
    -4: JobState.NODE_FAILED,
    -5: JobState.NODE_FAILED,
    -6: JobState.NODE_FAILED,
    -20: JobState.NODE_FAILED,
    -26: JobState.OUT_OF_MEMORY,
    -27: JobState.OUT_OF_MEMORY,
    -28: JobState.TIMEOUT,
    -29: JobState.TIMEOUT,
}
_LIMITS = {
    "walltime": JobState.TIMEOUT,
    "cput": JobState.TIMEOUT,
    "mem": JobState.OUT_OF_MEMORY,
    "vmem": JobState.OUT_OF_MEMORY,
}
_TERMINATED = "91"
"""The substate of a job that was deleted."""
# stat_job.c: what is told of an element of which the server keeps nothing else.
_KEPT = {
    "Subjob finished": JobState.COMPLETED,
    "Subjob failed": JobState.FAILED,
    "Subjob terminated": JobState.CANCELLED,
}


def _select(profile: Any, _job: Job) -> list[str]:
    chunks = "+".join(_chunk(profile, count, tasks) for count, tasks in _layout(profile))
    # Chunks may share a node, unless they are scattered.
    apart = ["-l place=scatter"] if (profile.nodes or 1) > 1 and profile.place is None else []
    return [f"-l {quote(f'select={chunks}')}", *apart]


def _layout(profile: Any) -> list[tuple[int, int]]:
    """Return how many chunks there are of how many tasks: a node each, or a task each that may run anywhere."""
    if profile.nodes is not None or (profile.tasks or 1) == 1:
        return family.layout(profile)
    if profile.mem is not None or profile.gpus is not None:
        raise ProfileError(
            "mem and gpus are those of each node, so pbs must know how many there are: set `nodes`, too."
        )
    return [(profile.tasks, 1)]


def _chunk(profile: Any, count: int, tasks: int) -> str:
    cpus = tasks * (profile.cpus or 1)
    counted = any(value is not None for value in (profile.tasks, profile.cpus, profile.mem_per_cpu))
    memory = profile.mem_per_cpu * cpus if profile.mem_per_cpu is not None else profile.mem
    parts = {
        "ncpus": cpus if counted else None,
        "mpiprocs": tasks if profile.tasks is not None else None,
        "mem": family.size(memory) if memory is not None else None,
        "ngpus": profile.gpus,
        profile.gpu_type_resource: profile.gpu_type,
    }
    return ":".join([str(count), *(f"{name}={value}" for name, value in parts.items() if value is not None)])


def _after(profile: Any, _job: Job) -> str:
    if one := next((name for name in profile.after if re.search(r"\[\d", name)), None):
        raise ProfileError(f"pbs cannot wait for {one}, an element of an array: wait for the whole array in `after`.")
    return f"-W {quote('depend=afterok:' + ':'.join(profile.after))}"


def _requeue(profile: Any, job: Job) -> str:
    if not profile.requeue and (job.count or 1) > 1:
        raise ProfileError(
            "The arrays of pbs may always be requeued. Leave out `requeue: false`, or submit single runs."
        )
    return f"-r {'y' if profile.requeue else 'n'}"


class Pbs(Profile):
    """A profile for PBS Professional and OpenPBS. What all schedulers share has the names of :class:`Profile`.

    The rest has the names of qsub and of the attributes of jobs.
    """

    scheduler: Literal["pbs"] = "pbs"
    select: Text | None = Field(
        default=None, description="-l select: chunks, as in 2:ncpus=8:ngpus=1; excludes nodes, tasks, cpus, mem, gpus"
    )
    place: Text | None = Field(default=None, description="-l place, as in pack:excl; nodes writes scatter for you")
    gpu_type_resource: Text = Field(
        default="gpu_model", description="the site's resource that names the type of GPU, used for gpu_type"
    )
    resources: family.Resources | None = Field(
        default=None, description="-l: resources of the whole job, as in {software: matlab}"
    )
    project: Text | None = Field(default=None, description="-P: project")
    priority: family.Priority | None = Field(default=None, description="-p: priority among your own jobs")
    begin: family.Begin | None = Field(default=None, description="-a: not before, as in 202612312359")
    direct_write: bool | None = Field(
        default=None, description="-k doe: write output to its place while the job runs, if nodes share the file system"
    )

    prefix: ClassVar[str] = "#PBS"
    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {
        (*_CHUNKS, "gpu_type", "gpu_type_resource"): _select,
        "select": lambda p, _: f"-l {quote(f'select={p.select}')}",
        "place": lambda p, _: f"-l {quote(f'place={p.place}')}",
        "time": lambda p, _: f"-l walltime={clock(p.time)}",
        "resources": lambda p, _: [f"-l {quote(f'{name}={value}')}" for name, value in p.resources.items()],
        "queue": lambda p, _: f"-q {quote(p.queue)}",
        "account": lambda p, _: f"-A {quote(p.account)}",
        "project": lambda p, _: f"-P {quote(p.project)}",
        "name": with_the_job,
        "parallel": with_the_job,
        "after": _after,
        "requeue": _requeue,
        "priority": lambda p, _: f"-p {p.priority}",
        "begin": lambda p, _: f"-a {p.begin}",
        "direct_write": lambda p, _: "-k doe" if p.direct_write else [],
        ("mail", "mail_on"): lambda p, _: [f"-M {quote(p.mail)}", f"-m {family.mail_letters(p)}"],
    }

    @model_validator(mode="after")
    def _pbs_fits_together(self) -> Pbs:
        for field in _CHUNKS:
            self.exclude("select", field)
        self.need("gpu_type_resource", "gpu_type")
        return self


class PbsScheduler(Scheduler):
    """PBS's commands and answers."""

    name = "pbs"
    profile = Pbs
    task = "PBS_ARRAY_INDEX"
    own_name = ("${PBS_JOBID}", "${PBS_JOBID}")
    inherited = family.INHERITED
    # qstat(1B). The states of what has ended, F and X, are read from how it ended.
    states: ClassVar[Mapping[str, JobState]] = {
        "Q": JobState.QUEUED,
        "T": JobState.QUEUED,
        "W": JobState.QUEUED,
        "H": JobState.HELD,
        "B": JobState.RUNNING,
        "R": JobState.RUNNING,
        "E": JobState.RUNNING,
        "S": JobState.RUNNING,
        "U": JobState.RUNNING,
    }

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, shell, output and array."""
        output = f"{job.output}/" if family.plain(job.output) else "/dev/null"
        options = [f"-N {family.job_name(profile, job)}", family.SHELL, "-j oe", f"-o {output}"]
        if job.count is not None and job.count > 1:
            throttle = f"%{profile.parallel}" if profile.parallel is not None else ""
            options.append(f"-J 0-{job.count - 1}{throttle}")
        return options

    def opening(self, job: Job) -> list[str]:
        """Make up for what PBS cannot: an array of one element, and an output path of any letters."""
        index = [f"export {self.task}=0"] if job.count == 1 else []
        output = [] if family.plain(job.output) else [f'exec >>{quote(str(job.output))}/"$PBS_JOBID".OU 2>&1']
        return [*index, *output]

    def output_file(self, element: str) -> str:
        """Name the file that PBS makes in a directory."""
        return escape(f"{element}.OU")

    def submit_command(self, script: Path) -> Command:
        """Submit; qsub prints nothing but the id."""
        return Command(("qsub", str(script)), without=self.inherited)

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read ``12.server``, or ``12[].server`` of an array; an array of one element is none."""
        return family.read_submitted(reply, None if count == 1 else count)

    def limit_command(self) -> Command:
        """Ask for the attributes of the server."""
        return Command(("qstat", "-Bf"))

    def read_limit(self, reply: Reply) -> int | None:
        """Read max_array_size, the number of elements."""
        match = re.search(r"^\s*max_array_size = (\d+)\s*$", reply.out, re.MULTILINE)
        return int(match[1]) if match else None

    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask qstat for all jobs with their elements, and those that have ended where the server keeps them."""
        facts: dict[str, Mapping[str, Any]] = {}
        for names in batches([*jobs]):
            facts |= _ask(names, shell)
        wanted = [(job, element) for job, elements in jobs.items() for element in elements if element in facts]
        found = {element: self._status(facts[element], facts.get(job, {})) for job, element in wanted}
        return {element: status for element, status in found.items() if status is not None}

    def _status(self, facts: Mapping[str, Any], array: Mapping[str, Any]) -> JobStatus | None:
        """Judge an element; None if PBS has forgotten how it ended."""
        native = str(facts.get("job_state", ""))
        comment = family.one_line(str(facts.get("comment", "")))
        if native in ("F", "X"):
            return _ended(native, facts, comment)
        state = self.state(native)
        if native == "Q" and array.get("job_state") == "H":
            # Arrays are held as a whole: the array says so, its elements do not.
            state, facts = JobState.HELD, array
        if state is JobState.HELD and not family.held(facts):
            state = JobState.QUEUED
        waits = state in (JobState.QUEUED, JobState.HELD) and not comment.startswith("Job Array Began")
        return JobStatus(state, native, reason=comment or None if waits else None)

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Delete jobs and elements alike."""
        return [Command(("qdel", *some)) for some in batches(names)]

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Hold jobs and whole arrays; a SchedulerError if an element of an array is among them."""
        return [Command(("qhold", *some)) for some in batches(_whole(names))]

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Release jobs and whole arrays; a SchedulerError if an element of an array is among them."""
        return [Command(("qrls", *some)) for some in batches(_whole(names))]

    def gone(self, reply: Reply) -> bool:
        """Whether qdel found jobs that have ended, and no other trouble."""
        return family.complains_only(reply, _GONE)


def _ask(names: Sequence[str], shell: Shell) -> Mapping[str, Mapping[str, Any]]:
    replies = []
    for options in _QUESTIONS:
        reply = shell(Command(("qstat", *options, *names)))
        if reply.code == 0 or family.complains_only(reply, _FORGOTTEN):
            facts = _read_json(reply.out) if "json" in options else family.read_text(reply.out)
            if facts is not None:
                return facts
            if reply.code != 0 and not reply.out.strip():
                return {}
        elif not _OTHER_WAY.search(reply.said):
            raise refused(reply)
        replies.append(reply)
    raise unreadable(replies[0])


def _read_json(text: str) -> dict[str, Mapping[str, Any]] | None:
    try:
        said = json.loads(text, strict=False)
    except ValueError:
        # Some versions write text that looks like a number without quotes.
        return None
    jobs = said.get("Jobs", {}) if isinstance(said, dict) and "pbs_version" in said else None
    sound = isinstance(jobs, dict) and all(isinstance(facts, dict) for facts in jobs.values())
    return jobs if sound else None


def _ended(native: str, facts: Mapping[str, Any], comment: str) -> JobStatus | None:
    code, substate = family.number(facts.get("Exit_status")), str(facts.get("substate", ""))
    if comment in _KEPT:
        # The rest of what is told is that of the array.
        return JobStatus(_KEPT[comment], native, reason=None if _KEPT[comment] is JobState.COMPLETED else comment)
    if code is None:
        # X says of an element, where no history is kept, that it has ended or was deleted: not which.
        deleted = native == "F" or substate == _TERMINATED
        return JobStatus(JobState.CANCELLED, native, reason=comment or "it never ran") if deleted else None
    state = _judge(code, substate, comment)
    exit_code, signal = family.ended(code)
    reason = f"Exit_status {code}{f': {comment}' if comment else ''}" if state is not JobState.COMPLETED else None
    return JobStatus(state, native, exit_code, signal, reason)


def _judge(code: int, substate: str, comment: str) -> JobState:
    if code in _EXITS:
        return _EXITS[code]
    if substate == _TERMINATED:
        return JobState.CANCELLED
    limit = _EXCEEDED.search(comment)
    if limit is not None and limit[1].lower() in _LIMITS:
        return _LIMITS[limit[1].lower()]
    return JobState.COMPLETED if code == 0 else JobState.FAILED


def _whole(names: Sequence[str]) -> Sequence[str]:
    if one := next((name for name in names if re.search(r"\[\d", name)), None):
        array = re.sub(r"\[\d+\]", "[]", one)
        raise SchedulerError(f"pbs holds and releases whole arrays only, not {one}: name the array, {array}.")
    return names
