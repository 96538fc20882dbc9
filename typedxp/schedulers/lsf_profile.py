"""Owns the profile of LSF: its fields, and how they are written as options of bsub.

Source: the manual page of bsub in IBM's command reference of Spectrum LSF 10.1. It was never run against an LSF.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Lines, Profile, Text, Writer, with_the_job
from typedxp.schedulers.units import minutes, spell_memory

REQUEUE = 99
"""The exit code by which a job goes back to the queue."""


def _in_quotes(text: str) -> str:
    if re.search(r'["\\`$]', text):
        raise PydanticCustomError("quotes", 'A line of #BSUB cannot hold any of " \\ ` $ in this value')
    return text


Quoted = Annotated[Text, AfterValidator(_in_quotes)]
"""What is written into a line of #BSUB between double quotes, which is how bsub keeps words together."""


def _slots(profile: Any, _job: Job) -> list[str]:
    """Ask for a slot for each CPU of each task; the CPUs of a task are on one host."""
    cpus, nodes = profile.cpus or 1, profile.nodes
    count = _tasks(profile) * cpus
    span = _span(profile, count // nodes if nodes is not None else None, cpus)
    return [f"-n {count}", *([f'-R "span[{span}]"'] if span is not None else [])]


def _tasks(profile: Any) -> int:
    tasks: int = profile.tasks or profile.nodes or 1
    return tasks


def _span(profile: Any, on_each: int | None, cpus: int) -> str | None:
    if profile.span is not None:
        return str(profile.span)
    if profile.on_one_host:
        return "hosts=1"
    if on_each is not None:
        return f"ptile={on_each}"
    return f"block={cpus}" if cpus > 1 else None


def _memory(profile: Any, _job: Job) -> list[str]:
    """Reserve the memory; where all of the job is on one host, it is the limit as well."""
    size, what = (profile.mem, "host") if profile.mem is not None else (profile.mem_per_cpu, "task")
    slots = _tasks(profile) * (profile.cpus or 1)
    limit = size if profile.mem is not None else size * slots
    method = "" if profile.unit is not None else f"/{what}"
    reserve = f'-R "rusage[mem={_size(profile, size)}{method}]"'
    return [reserve, *([f"-M {_size(profile, limit)}"] if profile.on_one_host else [])]


def _size(profile: Any, size: int) -> str:
    """Write an amount with its unit; an LSF that knows no units reads it in those of the site."""
    if profile.unit is None:
        return spell_memory(size)
    return str(-(-size // 1024 ** ("KMGT".index(profile.unit[0]) + 1)))


def _gpus(profile: Any, _job: Job) -> str:
    method = "" if profile.unit is not None else "/host"
    model = f":gmodel={profile.gpu_type}" if profile.gpu_type is not None else ""
    # Without j_exclusive, other jobs may be given the same GPUs.
    return f'-gpu "num={profile.gpus}{method}:j_exclusive=yes{model}"'


def _mail(profile: Any, _job: Job) -> list[str]:
    events = set(profile.mail_on or ["end", "fail"])
    # The report of the end tells of failures as well; -N and -Ne exclude each other.
    report = ["-N"] if "end" in events else ["-Ne"] if "fail" in events else []
    return [f"-u {_word(profile.mail)}", *(["-B"] if "begin" in events else []), *report]


class Lsf(Profile):
    """A profile for LSF. What all schedulers share has the names of :class:`Profile`; the rest those of bsub."""

    scheduler: Literal["lsf"] = "lsf"
    gpu_type: Quoted | None = Field(default=None, description="gmodel of -gpu: the model of the GPU; needs gpus")
    account: Quoted | None = Field(default=None, description="-P: the project that is charged")
    queue: Quoted | None = Field(default=None, description="-q: the queue")
    mail: Quoted | None = Field(default=None, description="-u: the address that mail is sent to")
    app: Quoted | None = Field(default=None, description="-app: the application profile")
    group: Quoted | None = Field(default=None, description="-G: the user group whose share is used")
    hosts: Quoted | None = Field(default=None, description="-m: these hosts, or groups of hosts, as in 'hostA hostB'")
    select: Quoted | None = Field(default=None, description="-R select[...], as in mem>1000 && type==any")
    order: Quoted | None = Field(default=None, description="-R order[...], as in r1m:pg")
    rusage: Quoted | None = Field(default=None, description="-R rusage[...], as in scratch=10; mem writes its own")
    span: Quoted | None = Field(default=None, description="-R span[...], as in ptile=4; excludes nodes")
    resources: Annotated[Lines, AfterValidator(lambda lines: [_in_quotes(line) for line in lines])] | None = Field(
        default=None, description="-R: whole resource requirements, as in ['same[model]', 'affinity[core(2)]']"
    )
    gpu: Quoted | None = Field(
        default=None, description="-gpu, as in num=1:mode=exclusive_process; excludes gpus and gpu_type"
    )
    reservation: Quoted | None = Field(default=None, description="-U: the advance reservation")
    exclusive: bool | None = Field(default=None, description="-x: share hosts with nobody")
    priority: PositiveInt | None = Field(default=None, description="-sp: priority among your own jobs")
    unit: Literal["KB", "MB", "GB", "TB"] | None = Field(
        default=None,
        description="LSF_UNIT_FOR_LIMITS of the site: for an LSF before 10.1.0.9, which reads numbers without units",
    )

    prefix: ClassVar[str] = "#BSUB"
    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {
        "time": lambda p, _: f"-W {minutes(p.time) // 60}:{minutes(p.time) % 60:02}",
        ("nodes", "tasks", "cpus", "span"): _slots,
        ("mem", "mem_per_cpu"): _memory,
        # It says how the others are written.
        "unit": with_the_job,
        ("gpus", "gpu_type"): _gpus,
        "gpu": lambda p, _: f'-gpu "{p.gpu}"',
        "select": lambda p, _: f'-R "select[{p.select}]"',
        "order": lambda p, _: f'-R "order[{p.order}]"',
        "rusage": lambda p, _: f'-R "rusage[{p.rusage}]"',
        "resources": lambda p, _: [f'-R "{line}"' for line in p.resources],
        "hosts": lambda p, _: f'-m "{p.hosts}"',
        "account": lambda p, _: f"-P {_word(p.account)}",
        "group": lambda p, _: f"-G {_word(p.group)}",
        "queue": lambda p, _: f"-q {_word(p.queue)}",
        "app": lambda p, _: f"-app {_word(p.app)}",
        "reservation": lambda p, _: f"-U {_word(p.reservation)}",
        "exclusive": lambda p, _: "-x" if p.exclusive else [],
        "priority": lambda p, _: f"-sp {p.priority}",
        "name": with_the_job,
        "parallel": with_the_job,
        # A job whose condition can never come true is ended.
        "after": lambda p, _: '-w "' + " && ".join(f"done({job})" for job in p.after) + '" -ti',
        "requeue": lambda p, _: ["-r", f'-Q "{REQUEUE}"'] if p.requeue else "-rn",
        "warn": lambda p, _: f"-wa USR1 -wt {minutes(p.warn)}",
        ("mail", "mail_on"): _mail,
    }

    @property
    def on_one_host(self) -> bool:
        """Whether all of the job is on one host."""
        return self.span is None and (self.nodes or self.tasks or 1) == 1

    @model_validator(mode="after")
    def _lsf_fits_together(self) -> Lsf:
        self.at_most_one("gpus", "gpu")
        self.at_most_one("nodes", "span")
        if self.gpus == 0:
            raise PydanticCustomError("gpus", "LSF has no word for no GPUs: leave gpus out")
        if self.nodes is not None and self.tasks is not None and self.tasks % self.nodes != 0:
            raise PydanticCustomError("tasks", "LSF puts as many tasks on each node: tasks must be a multiple of nodes")
        if self.unit is not None and self.mem_per_cpu is not None:
            raise PydanticCustomError("unit", "An LSF that needs unit reserves memory for each node only: use mem")
        if self.exclusive is False:
            raise PydanticCustomError("exclusive", "bsub can only ask for it: leave exclusive out")
        if not all(re.fullmatch(r"\d+(\[\d+\])?", job, re.ASCII) for job in self.after or []):
            raise PydanticCustomError("after", "LSF calls a job 12, or 12[3] if it is an element of an array")
        return self


def _word(text: str) -> str:
    """Quote a value where it is more than one plain word; what is after a # would be a comment."""
    return text if re.fullmatch(r"[\w./@:,=+-]+", text, re.ASCII) else f'"{text}"'
