"""Owns what all profiles have in common: the portable fields, and the refusal of what a scheduler cannot express."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from typedxp.errors import ProfileError
from typedxp.schedulers.job import Job
from typedxp.schedulers.units import Memory, Walltime
from typedxp.vocabulary.several import ONE_OR_MORE


def _variable(text: str) -> str:
    if not text.isidentifier() or not text.isascii():
        raise PydanticCustomError("variable", "The name of an environment variable has letters, digits and '_' only")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Lines = Annotated[list[Text], ONE_OR_MORE]
Variable = Annotated[str, AfterValidator(_variable)]


Writer = Callable[[Any, Job], str | Sequence[str]]
"""Writes native options for what a profile sets: one line, or several; each without the prefix."""


def with_the_job(_profile: Any, _job: Job) -> list[str]:
    """Write nothing: the scheduler's options of the job itself speak of it, such as its name."""
    return []


class Profile(BaseModel):
    """Where and with what resources to run: what all schedulers have words for. None leaves it to the scheduler.

    ``lines`` is the table of what a scheduler can express: the fields that a writer answers for, and the writer. What
    is set and in no table is refused, never dropped.
    """

    # Names of accounts and jobs may be numbers, which YAML and the command line read as such.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=False, coerce_numbers_to_str=True)

    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {}
    prefix: ClassVar[str] = ""
    portable: ClassVar[frozenset[str]] = frozenset(
        {
            "scheduler",
            "directives",
            "setup",
            "python",
            "container",
            "env",
            "secrets",
            "pack",
            "max_array",
            "max_requeues",
        }
    )
    """The fields that mean the same everywhere, since no scheduler needs to know of them."""

    scheduler: str
    time: Walltime | None = Field(default=None, description="the longest that one element may take, as in 2h")
    nodes: PositiveInt | None = Field(default=None, description="the number of nodes")
    tasks: PositiveInt | None = Field(default=None, description="the number of tasks (processes) on all nodes together")
    cpus: PositiveInt | None = Field(default=None, description="the number of CPUs (cores) of each task")
    mem: Memory | None = Field(default=None, description="memory of each node, as in 16G")
    mem_per_cpu: Memory | None = Field(default=None, description="memory for each CPU, as in 4G; excludes mem")
    gpus: NonNegativeInt | None = Field(default=None, description="the number of GPUs of each node")
    gpu_type: Text | None = Field(default=None, description="the site's name of the type of GPU; needs gpus")
    account: Text | None = Field(default=None, description="who is charged")
    queue: Text | None = Field(default=None, description="the queue, or partition")
    name: Text | None = Field(default=None, description="the name of the job; that of the experiment by default")
    parallel: PositiveInt | None = Field(default=None, description="how many elements may run at the same time")
    after: Lines | None = Field(default=None, description="ids of jobs that must have succeeded before")
    requeue: bool | None = Field(
        default=None, description="go back to the queue when stopped by the scheduler, and resume from the checkpoint"
    )
    warn: Walltime | None = Field(
        default=None, description="how long before the time limit the run is asked to stop, as in 5m"
    )
    mail: Text | None = Field(default=None, description="the address that mail is sent to")
    mail_on: list[Literal["begin", "end", "fail"]] | None = Field(
        default=None, description="what mail is sent about; needs mail"
    )
    pack: PositiveInt = Field(default=1, description="how many points each element executes, one after the other")
    max_array: PositiveInt | None = Field(
        default=None, description="the most elements of one array; what the scheduler says by default"
    )
    max_requeues: NonNegativeInt = Field(default=10, description="how often a run is requeued at most")
    directives: Lines = Field(
        default_factory=list,
        description="native options that are passed through, as in ['--exclusive']; the prefix may be left out",
    )
    setup: Lines = Field(
        default_factory=list, description="lines of shell before the program, as in ['module load cuda']"
    )
    python: Text | None = Field(default=None, description="the interpreter; that of the launch by default")
    container: Lines = Field(
        default_factory=list, description="words before the interpreter, as in [apptainer,exec,image.sif]"
    )
    env: dict[Variable, str] = Field(default_factory=dict, description="environment variables of the job")
    secrets: dict[str, Variable] = Field(
        default_factory=dict, description="the environment variable of the job that holds each secret of the config"
    )

    @field_validator("*", mode="after")
    @classmethod
    def _one_line(cls, value: Any) -> Any:
        """Refuse characters that would end the line they are written on."""
        for text in _texts(value):
            if any(not (character.isprintable() or character == "\t") for character in text):
                raise PydanticCustomError("control", "A line break or control character cannot be part of a job script")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Profile:
        self.at_most_one("mem", "mem_per_cpu")
        self.need("gpu_type", "gpus")
        self.need("mail_on", "mail")
        self.need("warn", "time")
        if self.warn is not None and self.time is not None and self.warn >= self.time:
            raise PydanticCustomError("warn", "warn must be less than time")
        return self

    def at_most_one(self, *fields: str) -> None:
        """Refuse that more than one of these fields is set."""
        given = [field for field in fields if field in self.asked]
        if len(given) > 1:
            raise PydanticCustomError("exclusive", f"{' and '.join(given)} exclude each other: leave one out")

    def need(self, field: str, other: str) -> None:
        """Refuse that a field is set without another."""
        if field in self.asked and other not in self.asked:
            raise PydanticCustomError("needs", f"{field} says nothing without {other}: set that, too")

    @property
    def asked(self) -> frozenset[str]:
        """The fields that are set to something, which an empty list is not."""
        return frozenset(
            name
            for name, default in _defaults(type(self)).items()
            if getattr(self, name) not in (None, default, [], {})
        )

    def plain(self) -> dict[str, Any]:
        """Return what is set as plain values, from which the same profile can be made."""
        return {"scheduler": self.scheduler, **self.model_dump(mode="json", include=set(self.asked))}

    def expressed(self) -> frozenset[str]:
        """Name the fields that the scheduler can express."""
        return self.portable.union(*((keys,) if isinstance(keys, str) else keys for keys in self.lines))

    def check(self) -> None:
        """Make sure that everything that is set can be said to the scheduler.

        Raises:
            ProfileError: something cannot.
        """
        if lost := sorted(self.asked - self.expressed()):
            known = sorted(self.expressed() - {"scheduler"})
            raise ProfileError(
                f"{self.scheduler} cannot express: {', '.join(lost)}.\nIt can express: {', '.join(known)}.\n"
                "Remove the setting, or write the native option in `directives` of the profile."
            )

    def options(self, job: Job) -> list[str]:
        """Write everything that is set as native options, each without the prefix.

        Raises:
            ProfileError: the scheduler cannot express something.
        """
        self.check()
        written: list[str] = []
        asked = self.asked
        for keys, write in self.lines.items():
            if asked.intersection((keys,) if isinstance(keys, str) else keys):
                lines = write(self, job)
                written += [lines] if isinstance(lines, str) else lines
        return [*written, *(option.removeprefix(self.prefix).strip() for option in self.directives)]


@cache
def _defaults(profile: type[Profile]) -> dict[str, Any]:
    return {name: field.get_default(call_default_factory=True) for name, field in profile.model_fields.items()}


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    return [text for item in value for text in _texts(item)] if isinstance(value, list | tuple | set) else []
