"""Owns the profile of OAR: what oarsub takes in a script, and how resources are spelled.

Sources: the manual page oarsub(1) of OAR 2.5, and what its scanner of scripts (OAR::Sub) accepts: each `#OAR` line is
one option, and the rest of the line its value as it is, without quoting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Lines, Profile, Text, Writer, with_the_job
from typedxp.schedulers.units import Walltime, clock, megabytes, seconds

USR1 = 10
"""The signal by which runs are warned; OAR counts signals as Linux does, and sends 12 by default."""


def sayable(text: str) -> bool:
    """Whether OAR can be told a word: what it puts between quotes in its own SQL and Perl must not end them."""
    return not {"'", "\\"}.intersection(text)


def _word(text: str) -> str:
    if not sayable(text):
        raise PydanticCustomError("oar_word", "OAR takes no ' and no backslash here")
    return text


def _without_time(texts: list[str]) -> list[str]:
    if any("walltime" in text for text in texts):
        raise PydanticCustomError("oar_walltime", "The walltime is written by time, not by resources")
    return texts


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _resources(profile: Any, _: Job) -> list[str]:
    """Write one -l line: each further one would be an alternative, of which OAR takes the one that starts first."""
    walltime = [f"walltime={clock(profile.time)}"] if profile.time is not None else []
    asked = profile.resources or _hierarchy(profile)
    # Without resources, there are those that the site gives to everybody.
    return ["-l " + ",".join(parts) for each in asked or [""] if (parts := [*filter(None, [each]), *walltime])]


def _hierarchy(profile: Any) -> list[str]:
    """Write levels from the outside in: each counts what is inside one of the level before."""
    cores = profile.cores
    spread = profile.nodes is None and (profile.cpus or 1) == 1 and not profile.gpus
    if cores is not None and spread:
        return [f"{profile.cpu_level}={cores}"]
    if cores is None and profile.nodes is None and not profile.gpus:
        return []
    levels = [f"{profile.node_level}={profile.nodes or 1}"]
    if profile.gpus:
        levels.append(f"{profile.gpu_level}={profile.gpus}")
    if cores is not None:
        levels.append(f"{profile.cpu_level}={cores // (profile.nodes or 1) // (profile.gpus or 1)}")
    return ["/".join(levels)]


def _properties(profile: Any, _: Job) -> str | list[str]:
    """Write one -p line: of several, OAR would take the last."""
    wanted = []
    if profile.properties is not None:
        wanted.append(profile.properties)
    if profile.mem is not None:
        wanted.append(f"{profile.memory_property} >= {megabytes(profile.mem)}")
    if profile.gpu_type is not None:
        wanted.append(f"{profile.gpu_type_property} = {_sql(profile.gpu_type)}")
    if len(wanted) > 1 and profile.properties is not None:
        wanted[0] = f"({profile.properties})"
    return f"-p {' AND '.join(wanted)}" if wanted else []


def _types(profile: Any, _: Job) -> list[str]:
    given = [
        *(["besteffort"] if profile.besteffort else []),
        *(["idempotent"] if profile.idempotent or profile.requeue else []),
        *([f"inner={profile.inner}"] if profile.inner is not None else []),
        *(profile.types or []),
    ]
    return [f"-t {each}" for each in dict.fromkeys(given)]


def _warning(profile: Any, _: Job) -> list[str]:
    before = profile.warn if profile.warn is not None else profile.checkpoint
    signal = USR1 if profile.warn is not None else profile.signal
    return [f"--checkpoint {seconds(before)}", *([f"--signal {signal}"] if signal is not None else [])]


def _notify(profile: Any, _: Job) -> str:
    if profile.notify is not None:
        return f"--notify {profile.notify}"
    events = profile.mail_on or ["end", "fail"]
    # A job that fails by itself has an END for OAR: ERROR is what OAR, or someone else, ends.
    tags = [*(["RUNNING"] if "begin" in events else []), *(["END", "ERROR"] if "end" in events else [])]
    return f"--notify [{','.join(tags)}]mail:{profile.mail}"


class Oar(Profile):
    """A profile for OAR. What all schedulers share has the names of :class:`Profile`; the rest those of oarsub."""

    scheduler: Literal["oar"] = "oar"
    name: Annotated[Text, AfterValidator(_word)] | None = Field(default=None, description="-n: the name of the job")
    queue: Annotated[Text, AfterValidator(_word)] | None = Field(default=None, description="-q: the queue")
    account: Annotated[Text, AfterValidator(_word)] | None = Field(
        default=None, description="--project: who is charged"
    )
    mail: Annotated[Text, AfterValidator(_word)] | None = Field(
        default=None, description="the address that mail is sent to"
    )
    project: Annotated[Text, AfterValidator(_word)] | None = Field(
        default=None, description="--project; OAR's name of account"
    )
    resources: Annotated[Lines, AfterValidator(_without_time)] | None = Field(
        default=None,
        description="-l without walltime, as in host=1/gpu=2, or alternatives; excludes nodes, tasks, cpus, gpus",
    )
    node_level: Text = Field(default="nodes", description="the site's word for a node in -l: nodes, host")
    cpu_level: Text = Field(default="core", description="the site's word for a core in -l: core, resource_id")
    gpu_level: Text | None = Field(default=None, description="the site's word for a GPU in -l: gpu; gpus needs it")
    properties: Text | None = Field(default=None, description="-p: an SQL condition on the properties of resources")
    memory_property: Text | None = Field(
        default=None, description="the site's property for the megabytes of a node: memnode; mem needs it"
    )
    gpu_type_property: Text | None = Field(
        default=None, description="the site's property for the type of a GPU: gpu_model; gpu_type needs it"
    )
    besteffort: bool | None = Field(default=None, description="-t besteffort: others may take the resources back")
    idempotent: bool | None = Field(default=None, description="-t idempotent; requeue writes it for you")
    inner: PositiveInt | None = Field(default=None, description="-t inner: the id of the container to run in")
    types: list[Annotated[Text, AfterValidator(_word)]] | None = Field(
        default=None, description="-t: further types, as in [container, night]"
    )
    notify: Annotated[Text, AfterValidator(_word)] | None = Field(
        default=None, description="--notify, as in '[END]exec:/home/ada/told'; excludes mail"
    )
    checkpoint: Walltime | None = Field(
        default=None, description="--checkpoint: how long before the limit a signal is sent; warn writes it for you"
    )
    signal: PositiveInt | None = Field(default=None, description="--signal: the number of that signal, 12 by default")
    anterior: list[PositiveInt] | None = Field(
        default=None, description="-a: jobs that must have ended before, however they end"
    )

    prefix: ClassVar[str] = "#OAR"
    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {
        ("nodes", "tasks", "cpus", "gpus", "time", "resources", "node_level", "cpu_level", "gpu_level"): _resources,
        ("properties", "mem", "memory_property", "gpu_type", "gpu_type_property"): _properties,
        ("besteffort", "idempotent", "requeue", "inner", "types"): _types,
        "queue": lambda p, _: f"-q {p.queue}",
        ("account", "project"): lambda p, _: f"--project {p.account or p.project}",
        "name": with_the_job,
        ("warn", "checkpoint", "signal"): _warning,
        ("mail", "mail_on", "notify"): _notify,
        "anterior": lambda p, _: [f"-a {job}" for job in p.anterior],
    }

    @property
    def cores(self) -> int | None:
        """How many cores all nodes have together; None leaves it to OAR: those of the whole node, or of the GPUs."""
        return (self.tasks or 1) * (self.cpus or 1) if self.tasks or self.cpus else None

    @model_validator(mode="after")
    def _oar_fits_together(self) -> Oar:
        for field in ("nodes", "tasks", "cpus", "gpus"):
            self.at_most_one("resources", field)
        self.at_most_one("account", "project")
        self.at_most_one("requeue", "idempotent")
        self.at_most_one("warn", "checkpoint")
        self.at_most_one("mail", "notify")
        self.need("signal", "checkpoint")
        self.need("checkpoint", "time")
        self.need("mem", "memory_property")
        self.need("gpu_type", "gpu_type_property")
        if self.gpus:
            self.need("gpus", "gpu_level")
        if self.mail_on is not None and set(self.mail_on) & {"end", "fail"} == {"fail"}:
            raise PydanticCustomError("oar_fail", "OAR calls a job that fails by itself ended: ask for end, too")
        self._divides()
        return self

    def _divides(self) -> None:
        """Refuse what has no number of cores that is the same everywhere."""
        if self.cores is None:
            return
        if self.nodes is None and (self.tasks or 1) > 1 and ((self.cpus or 1) > 1):
            raise PydanticCustomError(
                "oar_tasks", "OAR must be told on how many nodes tasks of several cpus are: set nodes"
            )
        groups = (self.nodes or 1) * (self.gpus or 1)
        if self.cores % groups:
            raise PydanticCustomError("oar_even", "OAR gives each node, and each GPU, the same number of cores")
        if (self.tasks or 1) % (self.nodes or 1) and (self.cpus or 1) > 1:
            raise PydanticCustomError("oar_even", "OAR gives each node the same number of tasks")
