"""Owns PBS Professional and OpenPBS: qsub, qstat, qdel, qhold, qrls.

Sources: the manual pages qsub(1B), qstat(1B), qdel(1B), qhold(1B), pbs_resources(7B) and pbs_job_attributes(7B), the
source of OpenPBS, and answers of OpenPBS 23.06.
"""

from __future__ import annotations

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
from typedxp.schedulers.pbs_answers import STATES, ask, read_status
from typedxp.schedulers.profile import Profile, Text, Writer, with_the_job
from typedxp.schedulers.shell import Command, Reply, Shell, batches
from typedxp.schedulers.units import clock
from typedxp.vocabulary.jobs import JobStatus
from typedxp.vocabulary.listing import spans

_CHUNKS = ("nodes", "tasks", "cpus", "mem", "mem_per_cpu", "gpus")

_GONE = re.compile(
    r"Unknown Job Id|Job has finished|invalid for state of job|invalid for finished array subjob", re.IGNORECASE
)
_ELEMENT = re.compile(r"(\d+)\[(\d+)\](.*)", re.ASCII)
_PARTED = re.compile(r"[\s,\"']")


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
    if profile.gpu_type is not None and not re.fullmatch(r"[\w./-]+", profile.gpu_type, re.ASCII):
        raise ProfileError(f"pbs cannot ask for the type {profile.gpu_type!r} by gpu_type: write `select` instead.")
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


def _resource(name: str, value: str) -> str:
    """Spell a resource of the job. qsub parts its value at spaces and commas, if it has no quotes of its own."""
    mark = next((mark for mark in "\"'" if mark not in value), None)
    if mark is None or "&" in value or not value.isascii():
        raise ProfileError(
            f"pbs does not take {value!r} as the value of {name}: it may not have '&', both kinds of quotes, or "
            "letters beyond ASCII."
        )
    spelled = f"{mark}{value}{mark}" if _PARTED.search(value) else value
    return f"-l {quote(f'{name}={spelled}')}"


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
        "resources": lambda p, _: [_resource(*pair) for pair in p.resources.items()],
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
            self.at_most_one("select", field)
        self.need("gpu_type_resource", "gpu_type")
        return self


class PbsScheduler(Scheduler):
    """PBS's commands and answers."""

    name = "pbs"
    profile = Pbs
    task = "PBS_ARRAY_INDEX"
    own_name = ("${PBS_JOBID}", "${PBS_JOBID}")
    inherited = family.INHERITED
    # What the hook for cgroups writes, which PBS itself does not know of.
    memory_words = ("Cgroup mem limit exceeded", "Cgroup memsw limit exceeded")
    states = STATES
    holds_arrays = True

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, shell, output and array."""
        options = family.options(profile, job)
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
            facts |= ask(names, shell)
        wanted = [(job, element) for job, elements in jobs.items() for element in elements if element in facts]
        found = {element: read_status(facts[element], facts.get(job, {})) for job, element in wanted}
        return {element: status for element, status in found.items() if status is not None}

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Delete jobs, and elements by their ranges, each by a command of its own.

        The server of 23.06 may crash over a list in which an element waits, or a job is not known any more.
        """
        return [Command(("qdel", name)) for name in _ranges(names)]

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Hold jobs and whole arrays; a SchedulerError if an element of an array is among them."""
        return [Command(("qhold", *some)) for some in batches(_whole(names))]

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Release jobs and whole arrays; a SchedulerError if an element of an array is among them."""
        return [Command(("qrls", *some)) for some in batches(_whole(names))]

    def gone(self, reply: Reply) -> bool:
        """Whether qdel found jobs that have ended, and no other trouble."""
        return family.complains_only(reply, _GONE)


def _ranges(names: Sequence[str]) -> list[str]:
    """Name elements that follow each other at once, as in ``12[3-5].server``: qdel reads one range in a name."""
    found: dict[tuple[str, str], list[int]] = {}
    for name in names:
        match = _ELEMENT.fullmatch(name)
        job = (match[1], match[3]) if match is not None else (name, "")
        found.setdefault(job, []).extend([int(match[2])] if match is not None else [])
    return [
        name
        for (job, server), indices in found.items()
        for name in ([f"{job}[{span}]{server}" for span in spans(indices)] or [job])
    ]


def _whole(names: Sequence[str]) -> Sequence[str]:
    if one := next((name for name in names if re.search(r"\[\d", name)), None):
        array = re.sub(r"\[\d+\]", "[]", one)
        raise SchedulerError(f"pbs holds and releases whole arrays only, not {one}: name the array, {array}.")
    return names
