"""Owns what PBS and TORQUE have kept in common since they parted: ids, names, options, and the text of ``qstat -f``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from typedxp.errors import ProfileError
from typedxp.schedulers.base import Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Profile
from typedxp.schedulers.shell import Reply, refused, unreadable
from typedxp.schedulers.units import spell_memory

INHERITED = (
    "PBS_O_*",
    "PBS_JOB*",
    "PBS_ARRAY*",
    "PBS_NODE*",
    "PBS_GPUFILE",
    "PBS_ENVIRONMENT",
    "PBS_QUEUE",
    "PBS_TASKNUM",
    "PBS_MOMPORT",
    # By these qsub would read directives of another prefix, and take another shell.
    "PBS_DPREFIX",
    "PBS_SHELL",
)
"""The variables of a job. Those that name the server, such as PBS_DEFAULT, are needed everywhere."""

SHELL = "-S /bin/bash"
"""Without it, jobs start in the login shell of the user, which may be one that ends with another exit code."""

_ID = re.compile(r"(\d+)(\[\])?((?:\.[\w.-]+)?)", re.ASCII)
_NAME = re.compile(r"[A-Za-z][\w+-]{0,199}", re.ASCII)
_MAILS = {"begin": "b", "end": "e", "fail": "a"}


def _resources(given: dict[str, str]) -> dict[str, str]:
    for name in given:
        if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            raise PydanticCustomError("resource", "The name of a resource has letters, digits and '_' only")
        if name in ("select", "place", "nodes", "walltime"):
            raise PydanticCustomError("resource", f"{name} is written by fields of the profile, not by resources")
    return given


Resources = Annotated[dict[str, str], AfterValidator(_resources)]
"""Values of resources of the whole job, by name."""

Priority = Annotated[int, Field(ge=-1024, le=1023)]

Begin = Annotated[str, StringConstraints(pattern=r"^(\d\d){2,6}(\.\d\d)?$")]
"""A time as ``qsub -a`` reads it: [[[[CC]YY]MM]DD]hhmm[.SS]."""


def plain(path: Path) -> bool:
    """Whether a path survives ``-o``: what copies the output there reads spaces, colons and more in its own way."""
    return re.fullmatch(r"[\w./+=-]+", str(path), re.ASCII) is not None


def job_name(profile: Profile, job: Job) -> str:
    """Return the name of a job; that of the experiment is changed where there must be other letters.

    Raises:
        ProfileError: the profile sets a name that qsub does not take.
    """
    if profile.name is not None and not _NAME.fullmatch(profile.name):
        raise ProfileError(
            f"{profile.scheduler} does not take {profile.name!r} as the name of a job: it begins with a letter, "
            "and goes on with letters, digits, '-', '_' and '+'. Change `name`."
        )
    if profile.name is not None:
        return profile.name
    changed = re.sub(r"[^\w+-]", "_", job.name, flags=re.ASCII)[:199]
    return changed if changed[:1].isalpha() else f"x{changed}"


def options(profile: Profile, job: Job) -> list[str]:
    """Write name, shell, and the directory of the output; where ``-o`` does not take it, the script opens the file.

    Raises:
        ProfileError: the profile sets a name that qsub does not take.
    """
    output = f"{job.output}/" if plain(job.output) else "/dev/null"
    return [f"-N {job_name(profile, job)}", SHELL, "-j oe", f"-o {output}"]


def mail_letters(profile: Any) -> str:
    """Spell what mail is sent about. A failure is to qsub that the job is aborted."""
    return "".join(sorted(_MAILS[event] for event in profile.mail_on or ["end", "fail"]))


def size(memory: int) -> str:
    """Spell an amount of memory, as in ``16gb``."""
    return f"{spell_memory(memory).lower()}b"


def layout(profile: Profile) -> list[tuple[int, int]]:
    """Share the tasks out to the nodes as evenly as may be: how many nodes, and how many tasks on each of them.

    Raises:
        ProfileError: there are fewer tasks than nodes.
    """
    nodes = profile.nodes or 1
    tasks = profile.tasks or nodes
    if tasks < nodes:
        raise ProfileError(f"{tasks} tasks do not need {nodes} nodes: raise `tasks`, or lower `nodes`.")
    each, more = divmod(tasks, nodes)
    return [(count, share) for count, share in ((more, each + 1), (nodes - more, each)) if count]


def read_submitted(reply: Reply, count: int | None) -> Submitted:
    """Read ``12.server``, or ``12[].server`` of an array of ``count`` elements.

    Raises:
        SchedulerError: the job was refused, or the answer is another one.
    """
    if reply.code != 0:
        raise refused(reply)
    said = reply.out.strip().splitlines()
    match = _ID.fullmatch(said[-1].strip()) if said else None
    if match is None or bool(match[2]) != (count is not None):
        raise unreadable(reply)
    job = match[0]
    return Submitted(
        job, (job,) if count is None else tuple(f"{match[1]}[{index}]{match[3]}" for index in range(count))
    )


def read_text(text: str) -> dict[str, dict[str, str]] | None:
    """Read what ``qstat -f`` prints: the attributes of each job, by its id; None if it is something else."""
    jobs: dict[str, dict[str, str]] = {}
    facts: dict[str, str] | None = None
    # A long line goes on in lines that begin with a tab.
    for line in text.replace("\n\t", "").splitlines():
        if line.startswith("Job Id:"):
            facts = jobs[line.partition(":")[2].strip()] = {}
        elif facts is not None and " = " in line:
            key, _, value = line.strip().partition(" = ")
            facts[key] = value
        elif line.strip():
            return None
    return jobs or None


def number(text: Any) -> int | None:
    """Read a whole number; None if it is none."""
    return int(text) if re.fullmatch(r"-?\d+", str(text), re.ASCII) else None


def ended(code: int) -> tuple[int | None, int | None]:
    """Part the status that a job ended with into exit code and signal: a signal is added to 256.

    Both are None for a negative one, by which the scheduler says what happened to the job itself.
    """
    if code < 0:
        return None, None
    return (code, None) if code < 256 else (None, code - 256)


def one_line(text: str) -> str:
    """Put a text on one line."""
    return " ".join(text.split())


def complains_only(reply: Reply, of: re.Pattern[str]) -> bool:
    """Whether a command failed, and said nothing but this."""
    said = [line for line in reply.err.splitlines() if line.strip()]
    return reply.code != 0 and bool(said) and all(of.search(line) for line in said)


def held(facts: Mapping[str, Any]) -> bool:
    """Whether somebody holds a job in state H; one that waits for others, or for its turn in an array, is queued.

    An array holds its elements by ``l`` (slots) and ``a`` (until all are made), for which old versions have no letter.
    """
    holds = set(str(facts.get("Hold_Types", "")))
    return bool(holds & {"u", "o"}) or not (facts.get("depend") or ("Hold_Types" in facts and holds <= {"l", "a"}))
