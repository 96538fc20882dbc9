"""Owns the profile of Grid Engine: its fields, and how they are written as options of qsub.

Sources: the manual pages submit(1), sge_types(5), sge_pe(5) and complex(5) of Son of Grid Engine 8.1.9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from typedxp.errors import ProfileError
from typedxp.schedulers.profile import Lines, Profile, Writer, with_the_job
from typedxp.schedulers.units import Walltime, seconds, spell_memory

_MAILS = {"begin": "b", "end": "e", "fail": "a"}

Resource = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.-]*$")]
"""The name of a resource attribute, as `qconf -sc` shows it."""
Value = Annotated[str, StringConstraints(pattern=r"""^[^\s,"'#]+$""")]
"""A value in a list of requests: no spaces, commas, quotes or '#'."""
Word = Annotated[str, StringConstraints(pattern=r"""^[^\s"'#]+$""")]
"""A name, or several with commas: no spaces, quotes or '#'."""
Moment = Annotated[str, StringConstraints(pattern=r"^(\d{2}){4,6}(\.\d{2})?$")]
"""A date and time, as [[CC]YY]MMDDhhmm[.SS]."""
Scope = Literal["slot", "host", "job"]
"""What the amount of a resource is for: the consumables YES, HOST and JOB of `qconf -sc`."""


class Sge(Profile):
    """A profile for Grid Engine. What all schedulers share has the names of :class:`Profile`; the rest those of qsub.

    A slot is one CPU. Where slots are on the nodes is the site's choice: ``allocation_rule`` repeats it.
    """

    scheduler: Literal["sge"] = "sge"
    parallel_environment: Word | None = Field(default=None, description="-pe: the site's name; needed for many CPUs")
    allocation_rule: PositiveInt | Literal["$pe_slots", "$fill_up", "$round_robin"] = Field(
        default="$pe_slots", description="where the parallel environment puts slots, as `qconf -sp NAME` says"
    )
    memory_resource: Resource | None = Field(default=None, description="the site's name of memory, such as h_vmem")
    memory_scope: Scope = Field(default="slot", description="what an amount of memory_resource is for")
    gpu_resource: Resource | None = Field(default=None, description="the site's name of GPUs, such as gpu")
    gpu_scope: Scope = Field(default="slot", description="what a number of gpu_resource is for")
    gpu_type_resource: Resource | None = Field(default=None, description="the site's name of the type of GPU")
    resources: dict[Resource, Value] = Field(default_factory=dict, description="-l: what there must be")
    soft_resources: dict[Resource, Value] = Field(default_factory=dict, description="-soft -l: what would be nice")
    s_rt: Walltime | None = Field(default=None, description="-l s_rt: when SIGUSR1 is sent; warn writes it for you")
    project: Word | None = Field(default=None, description="-P: the project")
    notify: bool | None = Field(default=None, description="-notify: SIGUSR2 before SIGKILL, SIGUSR1 before SIGSTOP")
    priority: int | None = Field(default=None, ge=-1023, le=1024, description="-p; users may only lower it")
    reservation: bool | None = Field(default=None, description="-R: reserve resources for a large job")
    advance_reservation: PositiveInt | None = Field(default=None, description="-ar: the id of a reservation")
    begin: Moment | None = Field(default=None, description="-a: not before, as [[CC]YY]MMDDhhmm[.SS]")
    deadline: Moment | None = Field(default=None, description="-dl: when priority is to be highest")
    checkpointing: Word | None = Field(default=None, description="-ckpt: the site's name of a checkpointing interface")
    checkpoint_when: Word | None = Field(default=None, description="-c: occasions, as in sx; needs checkpointing")
    hold_jid: Lines | None = Field(default=None, description="-hold_jid: jobs that must have ended, well or not")
    hold_jid_ad: Lines | None = Field(default=None, description="-hold_jid_ad: the same, element by element")
    master_queue: Word | None = Field(default=None, description="-masterq: the queue of the first task")
    binding: Word | None = Field(default=None, description="-binding, as in linear:4")
    job_share: int | None = Field(default=None, ge=0, description="-js: the share among jobs of one user")
    validation: Literal["e", "w", "n"] | None = Field(
        default=None, description="-w: refuse (e) or warn of (w) requests that no queue could ever meet"
    )
    export_environment: bool | None = Field(default=None, description="-V: the environment of the submission")

    prefix: ClassVar[str] = "#$"
    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {
        ("parallel_environment", "allocation_rule", "tasks", "cpus", "nodes"): lambda p, _: _slots_line(p),
        ("time", "warn", "s_rt"): lambda p, _: _times(p),
        ("mem", "mem_per_cpu", "memory_resource", "memory_scope"): lambda p, _: _memory(p),
        ("gpus", "gpu_resource", "gpu_scope"): lambda p, _: _gpus(p),
        ("gpu_type", "gpu_type_resource"): lambda p, _: _gpu_type(p),
        "resources": lambda p, _: f"-l {_requests(p.resources)}",
        # -soft is forgotten at the end of a line.
        "soft_resources": lambda p, _: f"-soft -l {_requests(p.soft_resources)} -hard",
        "account": lambda p, _: f"-A {_word('account', p.account)}",
        "project": lambda p, _: f"-P {p.project}",
        "queue": lambda p, _: f"-q {_word('queue', p.queue)}",
        "master_queue": lambda p, _: f"-masterq {p.master_queue}",
        "name": with_the_job,
        "parallel": with_the_job,
        "requeue": lambda p, _: f"-r {_yes(p.requeue)}",
        "notify": lambda p, _: "-notify" if p.notify else [],
        "priority": lambda p, _: f"-p {p.priority}",
        "reservation": lambda p, _: f"-R {_yes(p.reservation)}",
        "advance_reservation": lambda p, _: f"-ar {p.advance_reservation}",
        "begin": lambda p, _: f"-a {p.begin}",
        "deadline": lambda p, _: f"-dl {p.deadline}",
        "checkpointing": lambda p, _: f"-ckpt {p.checkpointing}",
        "checkpoint_when": lambda p, _: f"-c {p.checkpoint_when}",
        "hold_jid": lambda p, _: f"-hold_jid {_word('hold_jid', ','.join(p.hold_jid))}",
        "hold_jid_ad": lambda p, _: f"-hold_jid_ad {_word('hold_jid_ad', ','.join(p.hold_jid_ad))}",
        "binding": lambda p, _: f"-binding {p.binding}",
        "job_share": lambda p, _: f"-js {p.job_share}",
        "validation": lambda p, _: f"-w {p.validation}",
        "export_environment": lambda p, _: "-V" if p.export_environment else [],
        ("mail", "mail_on"): lambda p, _: [f"-M {_word('mail', p.mail)}", f"-m {_mails(p)}"],
    }

    @model_validator(mode="after")
    def _sge_fits_together(self) -> Sge:
        self.at_most_one("warn", "s_rt")
        self.need("checkpoint_when", "checkpointing")
        self.need("allocation_rule", "parallel_environment")
        written = {"time": "h_rt", "warn": "s_rt", "s_rt": "s_rt", "gpus": self.gpu_resource}
        written |= {"mem": self.memory_resource, "mem_per_cpu": self.memory_resource}
        for field, resource in written.items():
            if field in self.asked and resource in self.resources:
                raise PydanticCustomError("twice", f"{field} writes {resource}: leave that out of resources")
        return self


def _slots(profile: Sge) -> int:
    """Count the slots: one for each CPU of each task; of nodes alone, as many as the rule puts there."""
    if profile.tasks is None and profile.cpus is None and isinstance(profile.allocation_rule, int):
        return (profile.nodes or 1) * profile.allocation_rule
    return (profile.tasks or 1) * (profile.cpus or 1)


def _slots_of_each_node(profile: Sge) -> int | None:
    """Count the slots on each node; None where the scheduler fills nodes as they come."""
    slots, rule = _slots(profile), profile.allocation_rule
    if profile.parallel_environment is None or rule == "$pe_slots":
        return slots
    if isinstance(rule, str):
        return None
    if slots % rule or rule % (profile.cpus or 1):
        raise ProfileError(
            f"sge puts {rule} slots on each node (allocation_rule): that does not divide {profile.tasks or 1} tasks of "
            f"{profile.cpus or 1} CPUs."
        )
    return rule


def _slots_line(profile: Sge) -> list[str]:
    slots, each = _slots(profile), _slots_of_each_node(profile)
    if profile.nodes is not None and (each is None or profile.nodes * each != slots):
        where = f"on {slots // each}" if each else f"as they come ({profile.allocation_rule})"
        raise ProfileError(
            f"sge cannot express nodes: {profile.nodes} here, since {slots} slots are put on nodes {where}.\n"
            "Choose a parallel environment whose allocation_rule is the number of slots of each node, and set that."
        )
    if each is None and (profile.cpus or 1) > 1:
        raise ProfileError(
            f"sge cannot keep the {profile.cpus} CPUs of a task on one node with allocation_rule "
            f"{profile.allocation_rule}.\nUse an environment with $pe_slots or a number, or set tasks alone."
        )
    if profile.parallel_environment is not None:
        return [f"-pe {profile.parallel_environment} {slots}"]
    if slots > 1:
        raise ProfileError(
            f"sge needs a parallel environment for {slots} CPUs. Set parallel_environment to the site's name of one "
            "(`qconf -spl` lists them), such as smp."
        )
    return []


def _times(profile: Sge) -> list[str]:
    soft = profile.s_rt
    if profile.time is not None and profile.warn is not None:
        soft = profile.time - profile.warn
    limits = {"h_rt": profile.time, "s_rt": soft}
    return [f"-l {name}={seconds(limit)}" for name, limit in limits.items() if limit is not None]


def _memory(profile: Sge) -> list[str]:
    amount = profile.mem or profile.mem_per_cpu
    if amount is None:
        return []
    if profile.memory_resource is None:
        raise ProfileError(
            "sge has a name of the site for memory. Set memory_resource to it (`qconf -sc` lists them), such as h_vmem."
        )
    if profile.mem is not None:
        amount = _in_scope(profile, profile.mem, "mem", profile.memory_scope)
    elif profile.memory_scope != "slot":
        each = _slots(profile) if profile.memory_scope == "job" else _slots_of_each_node(profile)
        if each is None:
            raise _as_they_come(profile, "mem_per_cpu")
        amount *= each
    return [f"-l {profile.memory_resource}={_size(amount)}"]


def _gpus(profile: Sge) -> list[str]:
    if profile.gpus is None:
        return []
    if profile.gpu_resource is None:
        raise ProfileError(
            "sge has a name of the site for GPUs. Set gpu_resource to it (`qconf -sc` lists them), such as gpu."
        )
    return [f"-l {profile.gpu_resource}={_in_scope(profile, profile.gpus, 'gpus', profile.gpu_scope)}"]


def _gpu_type(profile: Sge) -> list[str]:
    if profile.gpu_type is None:
        return []
    if profile.gpu_type_resource is None:
        raise ProfileError("sge has a name of the site for types of GPUs. Set gpu_type_resource to it, as in gpu_type.")
    return [f"-l {profile.gpu_type_resource}={_word('gpu_type', profile.gpu_type)}"]


def _in_scope(profile: Sge, amount: int, field: str, scope: str) -> int:
    """Say an amount for each node as one for each slot, host or job."""
    if scope == "host":
        return amount
    each = _slots_of_each_node(profile)
    if each is None:
        raise _as_they_come(profile, field)
    if scope == "job":
        return amount * (_slots(profile) // each)
    if amount % each:
        asked, kind = (amount, "gpu") if field == "gpus" else (_size(amount), "memory")
        raise ProfileError(
            f"sge counts {field} by slot here, and there are {each} on each node, which does not divide {asked}.\n"
            f"If `qconf -sc` says JOB or HOST as consumable, set {kind}_scope to job or host; else ask for a multiple "
            f"of {each}" + ("." if field == "gpus" else ", or use mem_per_cpu.")
        )
    return amount // each


def _as_they_come(profile: Sge, field: str) -> ProfileError:
    return ProfileError(
        f"sge cannot express {field} with allocation_rule {profile.allocation_rule}: how many slots a node gets is "
        "known only when the job starts. Use mem_per_cpu, or another parallel environment."
    )


def _size(size: int) -> str:
    """Spell bytes in the units of sge_types(5), of which T is the largest; an odd number is one of bytes."""
    if size % 1024:
        return str(size)
    text = spell_memory(size)
    return f"{int(text[:-1]) * 1024}T" if text.endswith("P") else text


def _requests(resources: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in resources.items())


def _mails(profile: Sge) -> str:
    return "".join(_MAILS[event] for event in profile.mail_on or ["end", "fail"])


def _yes(answer: bool) -> str:
    return "y" if answer else "n"


def _word(field: str, text: str) -> str:
    """Return what qsub takes as one word of names; with a space, it fails without saying why."""
    if re.search(r"""[\s"'#]""", text) or (field == "gpu_type" and "," in text):
        raise ProfileError(
            f"sge cannot express {field}: {text!r}: it takes no spaces, quotes or '#' there, nor a comma in one name."
        )
    return text
