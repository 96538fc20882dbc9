"""Owns Grid Engine (Son of Grid Engine, and its relatives): qsub, qstat, qacct, qdel, qhold, qrls, qconf.

Sources: the manual pages submit(1), qstat(1), qacct(1), qdel(1), sge_status(5) and sge_types(5), and answers of Son of
Grid Engine 8.1.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import ClassVar
from xml.etree import ElementTree as ET

from typedxp.errors import ProfileError, SchedulerError
from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Profile
from typedxp.schedulers.sge_accounting import read_accounting
from typedxp.schedulers.sge_profile import Sge
from typedxp.schedulers.shell import Command, Reply, Shell, answered, batches, refused, unreadable
from typedxp.vocabulary.jobs import JobState, JobStatus
from typedxp.vocabulary.listing import spans

__all__ = ["Sge", "SgeScheduler"]

# What a job is told, but for what leads to the cluster: SGE_ROOT, SGE_CELL, SGE_QMASTER_PORT, ...
_INHERITED = (
    *("JOB_ID", "JOB_NAME", "JOB_SCRIPT", "NHOSTS", "NQUEUES", "NSLOTS", "PE", "PE_HOSTFILE", "QUEUE", "REQNAME"),
    *("REQUEST", "RESTARTED", "SGE_TASK_*", "SGE_STD*_PATH", "SGE_CWD_PATH", "SGE_JOB_SPOOL_DIR", "SGE_O_*"),
    *("SGE_BINDING", "SGE_CKPT_*", "SGE_ACCOUNT", "SGE_HGR_*"),
)
_NAME = r"[A-Za-z_][\w.+-]*"
_KEYWORDS = frozenset({"ALL", "NONE", "TEMPLATE"})
_SAYABLE = re.compile(r"[\w./@%+= -]*", re.ASCII)
_RANGE = re.compile(r"(\d+)(?:-(\d+)(?::(\d+))?)?")


class SgeScheduler(Scheduler):
    """Grid Engine's commands and answers."""

    name = "sge"
    profile = Sge
    first = 1
    task = "SGE_TASK_ID"
    own_name = ("${JOB_ID}", "${JOB_ID}.${SGE_TASK_ID}")
    inherited = _INHERITED
    # No requeue_code, though 99 reschedules a job: its limits then go on to count from its first start.
    # sge_status(5). A state is some letters, each of which says one thing: the first of these that it has decides.
    states: ClassVar[Mapping[str, JobState]] = {
        "E": JobState.FAILED,
        "r": JobState.RUNNING,
        "t": JobState.RUNNING,
        "s": JobState.RUNNING,
        "S": JobState.RUNNING,
        "T": JobState.RUNNING,
        "h": JobState.HELD,
        "q": JobState.QUEUED,
        "w": JobState.QUEUED,
        "d": JobState.RUNNING,
        "R": JobState.QUEUED,
    }

    def state(self, native: str) -> JobState:
        """Translate letters such as ``hqw``; a letter that we do not know is UNKNOWN."""
        if not set(native) <= set(self.states):
            return JobState.UNKNOWN
        return next((state for letter, state in self.states.items() if letter in native), JobState.UNKNOWN)

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, shell, output and array. The default shell would be what the queue says, whatever `#!` says."""
        options = ["-S /bin/bash", f"-N {_job_name(profile, job)}", "-j y", f"-o {_output(job)}"]
        if job.count is not None:
            options.append(f"-t 1-{job.count}")
            if profile.parallel is not None:
                options.append(f"-tc {profile.parallel}")
        return options

    def opening(self, job: Job) -> list[str]:
        """Let the script itself open the file of its output if qsub cannot spell the path."""
        if _SAYABLE.fullmatch(str(job.output)):
            return []
        name = "$JOB_ID" if job.count is None else "$JOB_ID.$SGE_TASK_ID"
        return [f'exec >> {quote(str(job.output))}/"{name}.log" 2>&1']

    def output_file(self, element: str) -> str:
        """Name the file of an element."""
        return f"{element}.log"

    def submit_command(self, script: Path) -> Command:
        """Submit with an answer for programs."""
        return Command(("qsub", "-terse", str(script)), without=_INHERITED)

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read ``4``, or ``4.1-20:1``; what sites and warnings say may stand before it."""
        if reply.code != 0:
            raise refused(reply)
        match = re.search(r"^(\d+)(\.\d+-\d+:\d+)?\s*\Z", reply.out, re.MULTILINE)
        if match is None or (match[2] is None) != (count is None):
            raise unreadable(reply)
        job = match[1]
        return Submitted(job, (job,) if count is None else tuple(f"{job}.{task}" for task in range(1, count + 1)))

    def test_command(self, script: Path) -> Command:
        """Ask whether the job could start if the cluster were empty."""
        return Command(("qsub", "-w", "v", str(script)), without=_INHERITED)

    def limit_command(self) -> Command:
        """Ask for the configuration."""
        return Command(("qconf", "-sconf"))

    def read_limit(self, reply: Reply) -> int | None:
        """Read max_aj_tasks, of which 0 is no limit."""
        match = re.search(r"^max_aj_tasks\s+(\d+)", reply.out, re.MULTILINE)
        return int(match[1]) or None if match and reply.code == 0 else None

    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask qstat about all; qacct, which takes one job at a time, about each that has elements that ended.

        An element that was deleted before it started is in neither.
        """
        wanted = {name for names in jobs.values() for name in names}
        words = {
            name: word for name, word in _read_qstat(shell(Command(("qstat", "-xml", "-u", "*")))) if name in wanted
        }
        reasons = self._reasons(words, shell)
        found = {name: JobStatus(self.state(word), word, reason=reasons.get(name)) for name, word in words.items()}
        for job, names in jobs.items():
            if not found.keys() >= set(names):
                found = {**_ended(job, names, shell), **found}
        return {name: status for name, status in found.items() if name in wanted}

    def _reasons(self, words: Mapping[str, str], shell: Shell) -> dict[str, str]:
        """Ask why elements are in the error state."""
        broken = dict.fromkeys(name.partition(".")[0] for name, word in words.items() if "E" in word)
        found: dict[str, str] = {}
        for some in batches(list(broken)):
            # Those that have gone meanwhile make it fail, and are not described.
            found |= _read_reasons(shell(Command(("qstat", "-j", ",".join(some)))).out)
        return {name: text for name in words if (text := found.get(name) or found.get(f"{name}.1"))}

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Delete ranges of tasks."""
        return [Command(("qdel", *some)) for some in batches(_ranges(names))]

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Hold ranges of tasks. Those that run already are held only when they return to the queue."""
        return [Command(("qhold", *some)) for some in batches(_ranges(names))]

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Release ranges of tasks."""
        return [Command(("qrls", *some)) for some in batches(_ranges(names))]

    def gone(self, reply: Reply) -> bool:
        """Whether every complaint is of something that does not exist; on what does, the command has acted."""
        lines = [line for line in f"{reply.out}\n{reply.err}".splitlines() if line.strip()]
        done = re.compile(r"has (deleted|registered)|is already in deletion|^modified hold")
        return bool(lines) and all(line.endswith("does not exist") or done.search(line) for line in lines)


def _job_name(profile: Profile, job: Job) -> str:
    name = profile.name
    if name is None:
        # Nobody asked for the experiment's name in particular.
        name = re.sub(r"[^\w.+-]", "_", job.name, flags=re.ASCII)
        return name if re.fullmatch(_NAME, name, re.ASCII) and name.upper() not in _KEYWORDS else f"_{name}"
    if not re.fullmatch(_NAME, name, re.ASCII) or name.upper() in _KEYWORDS:
        raise ProfileError(
            f"sge does not take {name!r} as the name of a job: use letters, digits and any of _ . + - after a letter; "
            "not all, none or template."
        )
    return name


def _output(job: Job) -> str:
    if not _SAYABLE.fullmatch(str(job.output)):
        return "/dev/null"
    # For a job that is no array, $TASK_ID is 0.
    path = f"{job.output}/{'$JOB_ID' if job.count is None else '$JOB_ID.$TASK_ID'}.log"
    # In a line of a script, quotes keep spaces together, and nothing escapes them.
    return f"'{path}'" if " " in path else path


def _read_qstat(reply: Reply) -> Iterator[tuple[str, str]]:
    """Read the name and the state of each element; one that waits may stand for many."""
    text = answered(reply).out
    if "<!" in text:
        raise unreadable(reply)
    try:
        root = ET.fromstring(text)  # noqa: S314 - it declares nothing
    except ET.ParseError as error:
        raise unreadable(reply) from error
    if root.tag != "job_info":
        raise unreadable(reply)
    for entry in root.iter("job_list"):
        job, word = entry.findtext("JB_job_number", ""), entry.findtext("state", "")
        tasks = entry.findtext("tasks")
        for name in [job] if tasks is None else (f"{job}.{task}" for task in _tasks(tasks)):
            yield name, word


def _tasks(text: str) -> Iterator[int]:
    """Read ``3,5-9:2``."""
    for first, last, step in _RANGE.findall(text):
        yield from range(int(first), int(last or first) + 1, max(1, int(step or 1)))


def _read_reasons(text: str) -> dict[str, str]:
    """Read, from `qstat -j`, the error reason of each task; a job that is no array has task 1."""
    found: dict[str, str] = {}
    job = ""
    for line in text.splitlines():
        if match := re.match(r"job_number:\s+(\d+)", line):
            job = match[1]
        elif match := re.match(r"error reason\s+(\d+):\s+(?:\S+ \S+ \[\S+\]: )?(.*)", line):
            found.setdefault(f"{job}.{match[1]}", match[2].strip())
    return found


def _ended(job: str, names: Sequence[str], shell: Shell) -> dict[str, JobStatus]:
    """Ask the accounting about one job; where it cannot be read, nobody knows how its elements ended."""
    try:
        reply = shell(Command(("qacct", "-j", job)))
    except SchedulerError as error:
        return {name: JobStatus(JobState.UNKNOWN, "gone", reason=str(error)) for name in names}
    if reply.code == 0:
        return read_accounting(reply)
    if re.search(r"job id \d+ not found", reply.said):
        return {}
    reason = f"qacct: {' '.join(reply.said.split())}"
    return {name: JobStatus(JobState.UNKNOWN, "gone", reason=reason) for name in names}


def _ranges(names: Iterable[str]) -> list[str]:
    """Say names in as few words as there can be: 4.1, 4.2, 4.3 is 4.1-3."""
    whole = dict.fromkeys(name for name in names if "." not in name)
    tasks: dict[str, list[int]] = {}
    for name in names:
        job, _, task = name.partition(".")
        if task and job not in whole:
            tasks.setdefault(job, []).append(int(task))
    return [*whole, *(f"{job}.{span}" for job, numbers in tasks.items() for span in spans(numbers))]
