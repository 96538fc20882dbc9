"""Owns TORQUE: qsub, qstat, qdel, qhold, qrls.

Sources: the manual pages qsub(1B), qstat(1B), qdel(1B), pbs_resources(7B), the administrator's guide of TORQUE 6.1 for
how jobs exit, and answers of TORQUE 6.1.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any, ClassVar, Literal
from xml.etree import ElementTree as ET

from pydantic import Field, model_validator

from typedxp.schedulers import pbs_family as family
from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Lines, Profile, Text, Writer, with_the_job
from typedxp.schedulers.shell import Command, Reply, Shell, batches, refused, unreadable
from typedxp.schedulers.units import Memory, Walltime, clock, seconds
from typedxp.vocabulary.jobs import JobState, JobStatus

_NODES = ("nodes", "tasks", "cpus", "gpus")
_FORGOTTEN = re.compile(r"Unknown Job Id|nonexistent job id", re.IGNORECASE)
# With a nanny (job_nanny), the server also refuses to delete what it is deleting already.
_GONE = re.compile(
    r"Unknown Job Id|nonexistent job id|invalid (?:state|for state)|job cancel in progress", re.IGNORECASE
)
# qstat writes values as they are: an ampersand that begins no entity, and control characters, are no XML.
_AMPERSAND = re.compile(r"&(?!#?\w+;)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
# By these variables qstat would leave out jobs.
_LEAVES_OUT = ("PBS_QSTAT_*",)

# The administrator's guide, "Job exit status".
_EXITS: Mapping[int, JobState] = {
    -4: JobState.NODE_FAILED,
    -5: JobState.NODE_FAILED,
    -6: JobState.NODE_FAILED,
    -10: JobState.OUT_OF_MEMORY,
    -11: JobState.TIMEOUT,
    -12: JobState.TIMEOUT,
    0: JobState.COMPLETED,
    # qdel sends SIGTERM, and jobs that it deletes before they run end as if they had got it.
    271: JobState.CANCELLED,
}


def _nodes(profile: Any, _job: Job) -> str:
    return "-l nodes=" + "+".join(_node(profile, count, tasks) for count, tasks in family.layout(profile))


def _node(profile: Any, count: int, tasks: int) -> str:
    counted = profile.tasks is not None or profile.cpus is not None
    parts = [
        f"{count}",
        *([f"ppn={tasks * (profile.cpus or 1)}"] if counted else []),
        *([f"gpus={profile.gpus}"] if profile.gpus is not None else []),
        *(_word(word) for word in profile.properties or []),
    ]
    return ":".join(parts)


def _memory(profile: Any, _job: Job) -> str:
    """Write the memory of the whole job, which is all that TORQUE knows of."""
    nodes = profile.nodes or 1
    if profile.mem is not None:
        return f"-l mem={family.size(profile.mem * nodes)}"
    return f"-l mem={family.size(profile.mem_per_cpu * (profile.tasks or nodes) * (profile.cpus or 1))}"


def _after(profile: Any, _job: Job) -> str:
    arrays = [name for name in profile.after if "[]" in name]
    single = [name for name in profile.after if "[]" not in name]
    kinds = {"afterok": single, "afterokarray": arrays}
    return "-W depend=" + ",".join(":".join([kind, *map(_word, names)]) for kind, names in kinds.items() if names)


class Torque(Profile):
    """A profile for TORQUE. What all schedulers share has the names of :class:`Profile`; the rest those of qsub."""

    scheduler: Literal["torque"] = "torque"
    node_spec: Text | None = Field(
        default=None,
        description="-l nodes, as in 1:ppn=8+2:ppn=4:gpus=1; excludes nodes, tasks, cpus, gpus, mem",
    )
    properties: Lines | None = Field(default=None, description="properties that each node must have, as in [a100, ib]")
    pmem: Memory | None = Field(default=None, description="-l pmem: memory of each process")
    vmem: Memory | None = Field(default=None, description="-l vmem: virtual memory of the whole job")
    pvmem: Memory | None = Field(default=None, description="-l pvmem: virtual memory of each process")
    resources: family.Resources | None = Field(
        default=None, description="-l: resources of the whole job, as in {file: 10gb}"
    )
    priority: family.Priority | None = Field(default=None, description="-p: priority among your own jobs")
    begin: family.Begin | None = Field(default=None, description="-a: not before, as in 202612312359")
    kill_delay: Walltime | None = Field(
        default=None, description="-K: how long after SIGTERM a job that is deleted is killed"
    )

    prefix: ClassVar[str] = "#PBS"
    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {
        (*_NODES, "properties"): _nodes,
        "node_spec": lambda p, _: f"-l nodes={_word(p.node_spec)}",
        "time": lambda p, _: f"-l walltime={clock(p.time)}",
        ("mem", "mem_per_cpu"): _memory,
        "pmem": lambda p, _: f"-l pmem={family.size(p.pmem)}",
        "vmem": lambda p, _: f"-l vmem={family.size(p.vmem)}",
        "pvmem": lambda p, _: f"-l pvmem={family.size(p.pvmem)}",
        "resources": lambda p, _: [f"-l {name}={_word(value)}" for name, value in p.resources.items()],
        "queue": lambda p, _: f"-q {_word(p.queue)}",
        "account": lambda p, _: f"-A {_word(p.account)}",
        "name": with_the_job,
        "parallel": with_the_job,
        "after": _after,
        "requeue": lambda p, _: f"-r {'y' if p.requeue else 'n'}",
        "priority": lambda p, _: f"-p {p.priority}",
        "begin": lambda p, _: f"-a {p.begin}",
        "kill_delay": lambda p, _: f"-K {seconds(p.kill_delay)}",
        ("mail", "mail_on"): lambda p, _: [f"-M {_word(p.mail)}", f"-m {family.mail_letters(p)}"],
    }

    @model_validator(mode="after")
    def _torque_fits_together(self) -> Torque:
        for field in (*_NODES, "properties", "mem", "mem_per_cpu"):
            self.at_most_one("node_spec", field)
        return self


def _word(text: str) -> str:
    """Keep a value in one piece: qsub takes quotes in a script for part of the value, but knows the backslash."""
    return re.sub(r"([\s\"'\\])", r"\\\1", text)


class TorqueScheduler(Scheduler):
    """TORQUE's commands and answers."""

    name = "torque"
    profile = Torque
    task = "PBS_ARRAYID"
    own_name = ("${PBS_JOBID}", "${PBS_JOBID}")
    inherited = family.INHERITED
    # qstat(1B). What has ended, C, is read from how it ended.
    states: ClassVar[Mapping[str, JobState]] = {
        "Q": JobState.QUEUED,
        "T": JobState.QUEUED,
        "W": JobState.QUEUED,
        "H": JobState.HELD,
        "R": JobState.RUNNING,
        "E": JobState.RUNNING,
        "S": JobState.RUNNING,
    }

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, shell, output and array."""
        options = family.options(profile, job)
        if job.count is not None:
            throttle = f"%{profile.parallel}" if profile.parallel is not None else ""
            options.append(f"-t {f'0-{job.count - 1}' if job.count > 1 else '0'}{throttle}")
        return options

    def opening(self, job: Job) -> list[str]:
        """Write to an output path of any letters, which -o does not take; by the name that TORQUE would use."""
        if family.plain(job.output):
            return []
        element = "" if job.count is None else f"-${self.task}"
        return [f'exec >>{quote(str(job.output))}/"output.o${{PBS_JOBID%%[^0-9]*}}{element}" 2>&1']

    def output_file(self, element: str) -> str:
        """Name the file that TORQUE makes in a directory: the name of the job, ``.o``, its number, and the index."""
        number, index = _parts(element)
        return f"*.o{number}" if index is None else f"*.o{number}-{index}"

    def submit_command(self, script: Path) -> Command:
        """Submit; qsub prints nothing but the id."""
        return Command(("qsub", str(script)), without=self.inherited)

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read ``12.server``, or ``12[].server`` of an array."""
        return family.read_submitted(reply, count)

    def limit_command(self) -> Command:
        """Ask for the attributes of the server."""
        return Command(("qstat", "-B", "-f"))

    def read_limit(self, reply: Reply) -> int | None:
        """Read max_job_array_size, the number of elements; a server without it has no limit."""
        match = re.search(r"^\s*max_job_array_size = (\d+)\s*$", reply.out, re.MULTILINE)
        return int(match[1]) if match else None

    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask qstat for all jobs with their elements; and, if some are missing, for everything that it knows."""
        wanted = [element for elements in jobs.values() for element in elements]
        facts: dict[str, Mapping[str, str]] = {}
        for names in batches([*jobs]):
            facts |= _ask(names, shell)
        if not facts.keys() >= set(wanted):
            # Of an array that is going, it may know the elements only.
            facts |= _ask((), shell)
        return {element: self._status(facts[element]) for element in wanted if element in facts}

    def _status(self, facts: Mapping[str, str]) -> JobStatus:
        native = facts.get("job_state", "")
        comment = family.one_line(facts.get("comment", ""))
        if native == "C":
            return _ended(facts, comment)
        state = self.state(native)
        if state is JobState.HELD and not family.held(facts):
            state = JobState.QUEUED
        waits = state in (JobState.QUEUED, JobState.HELD)
        return JobStatus(state, native, reason=comment or None if waits else None)

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Delete jobs and elements alike."""
        return [Command(("qdel", *some)) for some in batches(names)]

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Hold jobs and elements alike."""
        return [Command(("qhold", *some)) for some in batches(names)]

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Release jobs and elements alike."""
        return [Command(("qrls", *some)) for some in batches(names)]

    def gone(self, reply: Reply) -> bool:
        """Whether qdel found jobs that have ended, and no other trouble."""
        return family.complains_only(reply, _GONE)


def _parts(element: str) -> tuple[str, str | None]:
    match = re.match(r"(\d+)(?:\[(\d+)\])?", element)
    return (match[1], match[2]) if match else (element, None)


def _ask(names: Sequence[str], shell: Shell) -> dict[str, Mapping[str, str]]:
    reply = shell(Command(("qstat", "-t", "-x", *names), without=_LEAVES_OUT))
    if reply.code != 0 and not family.complains_only(reply, _FORGOTTEN):
        raise refused(reply)
    facts = _read_xml(reply.out)
    if facts is not None:
        return facts
    again = shell(Command(("qstat", "-t", "-f", *names), without=_LEAVES_OUT))
    said = family.read_text(again.out)
    if said is None:
        raise unreadable(reply)
    return dict(said)


def _read_xml(text: str) -> dict[str, Mapping[str, str]] | None:
    """Read the jobs of one document, or of several: there may be one for each name."""
    clean = _CONTROL.sub("", _AMPERSAND.sub("&amp;", text))
    documents = re.findall(r"<Data\b.*?</Data>|<Data\s*/>", clean, re.DOTALL)
    if not documents:
        return None if text.strip() else {}
    try:
        jobs = [job for document in documents for job in ET.fromstring(document)]  # noqa: S314 - it declares nothing
    except ET.ParseError:
        return None
    return {job.findtext("Job_Id", ""): dict(_leaves(job)) for job in jobs}


def _leaves(job: ET.Element) -> Iterable[tuple[str, str]]:
    for child in job:
        if len(child) == 0:
            yield child.tag, child.text or ""
        else:
            yield from ((f"{child.tag}.{leaf.tag}", leaf.text or "") for leaf in child)


def _ended(facts: Mapping[str, str], comment: str) -> JobStatus:
    code = family.number(facts.get("exit_status"))
    # What is there of a job that ran is when it started.
    evidence = "" if comment.startswith("Job started on") else comment
    if code is None:
        return JobStatus(JobState.CANCELLED, "C", reason=evidence or "it never ran")
    state = _EXITS.get(code, JobState.FAILED)
    # Old versions end with -10 whatever limit was exceeded, or say only that the job was killed.
    exceeded = (
        _exceeded(facts) if state is JobState.OUT_OF_MEMORY or (state is JobState.FAILED and code >= 256) else None
    )
    if exceeded is not None:
        state, evidence = JobState.TIMEOUT, exceeded
    exit_code, signal = family.ended(code)
    reason = f"exit_status {code}{f': {evidence}' if evidence else ''}" if state is not JobState.COMPLETED else None
    return JobStatus(state, "C", exit_code, signal, reason)


def _exceeded(facts: Mapping[str, str]) -> str | None:
    """Return what shows that a job used all its time, if something does."""
    used, limit = facts.get("resources_used.walltime"), facts.get("Resource_List.walltime")
    took, most = _seconds(used), _seconds(limit)
    return f"walltime {used} of {limit}" if took is not None and most is not None and took > most else None


def _seconds(text: str | None) -> int | None:
    parts = [family.number(part) for part in (text or "").split(":")]
    if len(parts) != 3:
        return None
    hours, minutes, rest = parts
    return None if hours is None or minutes is None or rest is None else (hours * 60 + minutes) * 60 + rest
