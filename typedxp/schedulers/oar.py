"""Owns OAR: oarsub, oarstat, oardel, oarhold, oarresume.

Sources: the manual pages of OAR 2.5, its Perl where they are silent, and answers of OAR 2.5.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import ClassVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.oar_profile import Oar, sayable
from typedxp.schedulers.profile import Profile
from typedxp.schedulers.shell import Command, Reply, Shell, answered, batches, refused, unreadable
from typedxp.vocabulary.jobs import JobState, JobStatus

__all__ = ["Oar", "OarScheduler"]

_INHERITED = ("OAR*",)
_NOT_NOTIFIED = 9
"""The exit code of oarsub whose jobs are in OAR's database, while its server does not listen: it will find them."""
_AGAIN = 99
"""The exit code by which an idempotent job asks to be resubmitted."""
_NOT_EXECUTED = 126
"""The exit code of a shell that is not allowed to execute what it should."""
_PLAIN_PATH = re.compile(r"[\w./-]+", re.ASCII)
_ARRAY = "array:"
"""What an array is called here: its number alone is also that of its first element."""

# What OAR does to a job, by the type of its event, from the most telling on ("Event logs" in its documentation).
_EVIDENCE = {
    "WALLTIME": JobState.TIMEOUT,
    "BESTEFFORT_KILL": JobState.PREEMPTED,
    "FRAG_JOB_REQUEST": JobState.CANCELLED,
    "WORKING_DIRECTORY": JobState.FAILED,
    "OUTPUT_FILES": JobState.FAILED,
    "USER_SHELL": JobState.FAILED,
    "PING_CHECKER_NODE_SUSPECTED": JobState.NODE_FAILED,
    "PING_CHECKER_NODE_SUSPECTED_END_JOB": JobState.NODE_FAILED,
    "CPUSET_ERROR": JobState.NODE_FAILED,
    "PROLOGUE_ERROR": JobState.NODE_FAILED,
    "SERVER_PROLOGUE_TIMEOUT": JobState.NODE_FAILED,
    "SERVER_PROLOGUE_EXIT_CODE_ERROR": JobState.NODE_FAILED,
    "SERVER_PROLOGUE_ERROR": JobState.NODE_FAILED,
    "CANNOT_WRITE_NODE_FILE": JobState.NODE_FAILED,
    "CANNOT_WRITE_PID_FILE": JobState.NODE_FAILED,
    "CANNOT_CREATE_TMP_DIRECTORY": JobState.NODE_FAILED,
    "SSH_TRANSFER_TIMEOUT": JobState.NODE_FAILED,
    "LAUNCHING_OAREXEC_TIMEOUT": JobState.NODE_FAILED,
    "EXIT_VALUE_OAREXEC": JobState.NODE_FAILED,
}


class _Event(BaseModel):
    type: str
    description: str | None = None


class _Row(BaseModel):
    """What oarstat says of one job. ``exit_code`` is the status that wait() returned."""

    Job_Id: int
    state: str
    exit_code: int | None = None
    message: str | None = None
    types: list[str] = []
    events: list[_Event] = []
    resubmit_job_id: int | None = None


_ROWS = TypeAdapter(dict[str, _Row])


class OarScheduler(Scheduler):
    """OAR's commands and answers."""

    name = "oar"
    profile = Oar
    first = 1
    task = "OAR_ARRAY_INDEX"
    own_name = ("${OAR_JOB_ID}", "${OAR_JOB_ID}")
    inherited = _INHERITED
    # No requeue_code, though OAR resubmits an idempotent job that exits with 99: only one that ran for over a minute.
    # oarstat(1). How a job ended that is in one of the last three is told by its exit code, or by its events.
    states: ClassVar[Mapping[str, JobState]] = {
        "Waiting": JobState.QUEUED,
        "toAckReservation": JobState.QUEUED,
        "toLaunch": JobState.QUEUED,
        "Hold": JobState.HELD,
        "Launching": JobState.RUNNING,
        "Running": JobState.RUNNING,
        "Suspended": JobState.RUNNING,
        "Resuming": JobState.RUNNING,
        "Finishing": JobState.RUNNING,
        "toError": JobState.FAILED,
        "Error": JobState.FAILED,
        "Terminated": JobState.COMPLETED,
    }

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, output and array."""
        output = f"{job.output}/%jobid%.log" if _PLAIN_PATH.fullmatch(str(job.output)) else "/dev/null"
        options = [f"-n {profile.name or _job_name(job.name)}", f"-O {output}", f"-E {output}"]
        return options if job.count is None else [*options, f"--array {job.count}"]

    def opening(self, job: Job) -> list[str]:
        """Let the script itself open the file of its output if oarsub refuses the path."""
        if _PLAIN_PATH.fullmatch(str(job.output)):
            return []
        return [f'exec >> {quote(str(job.output))}/"$OAR_JOB_ID.log" 2>&1']

    def output_file(self, element: str) -> str:
        """Name the file of an element."""
        return f"{element}.log"

    def submit_command(self, script: Path) -> Command:
        """Submit a script, which must be executable.

        OAR enters the directory of the submission before it starts the script, and fails if its name has a quote.
        """
        return Command(("oarsub", "-d", "/", "-S", _for_its_shell(str(script.absolute()))), without=_INHERITED)

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read a line with the id of each element; a negative one says why there is none."""
        ids = re.findall(r"^OAR_JOB_ID=(-?\d+)\s*$", reply.out, re.MULTILINE)
        if reply.code not in (0, _NOT_NOTIFIED) or any(number.startswith("-") for number in ids):
            raise refused(reply)
        if len(ids) != (count or 1):
            raise refused(reply) if reply.code else unreadable(reply)
        array = re.search(r"^OAR_ARRAY_ID=(\d+)\s*$", reply.out, re.MULTILINE)
        return Submitted(f"{_ARRAY}{array[1] if array else ids[0]}" if count is not None else ids[0], tuple(ids))

    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask oarstat about all; resubmitted jobs, too, have the number of their array."""
        rows: dict[int, _Row] = {}
        for numbers in batches(_numbers(name.removeprefix(_ARRAY) for name in jobs)):
            rows |= {row.Job_Id: row for row in _oarstat(f"array_id IN ({','.join(numbers)})", shell)}
        heirs = {row.resubmit_job_id: row for row in rows.values() if row.resubmit_job_id}
        wanted = _numbers(name for names in jobs.values() for name in names)
        return {name: self._status(row, heirs) for name in wanted if (row := rows.get(int(name)))}

    def _status(self, row: _Row, heirs: Mapping[int, _Row]) -> JobStatus:
        """Read where an element stands: as the last of the jobs that it was resubmitted as."""
        last = row
        # Each was made after the one before, so this ends.
        while (heir := heirs.get(last.Job_Id)) is not None and heir.Job_Id > last.Job_Id:
            last = heir
        found = self._alone(last)
        if last is row:
            return found
        reason = "; ".join(filter(None, [f"resubmitted as {last.Job_Id}", found.reason]))
        return JobStatus(found.state, found.native, found.exit_code, found.signal, reason)

    def _alone(self, row: _Row) -> JobStatus:
        state = self.state(row.state)
        if not state.final:
            return JobStatus(state, row.state, reason=_line(row.message))
        if state is JobState.FAILED:
            return _stopped(row)
        return _ended(row)

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Cancel elements, and what they were resubmitted as; those that have ended are passed over."""
        return _act("oardel", names, "state NOT IN ('toError', 'Error', 'Terminated')")

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Hold what waits."""
        return _act("oarhold", names, "state = 'Waiting'")

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Let go what is held."""
        return _act("oarresume", names, "state = 'Hold'")

    def gone(self, reply: Reply) -> bool:
        """Whether all that it complains of is about to end, or has moved on since it was chosen."""
        complaints = reply.err.strip().splitlines()
        passed = ("This job was already killed.", "the job is not in the ")
        return bool(complaints) and all(any(word in line for word in passed) for line in complaints)


def _job_name(text: str) -> str:
    """Return the name of an experiment as OAR can write it down."""
    return "".join(character if sayable(character) and character.isprintable() else "_" for character in text)


def _for_its_shell(path: str) -> str:
    """Spell a path for OAR, which takes it up to the first blank, and lets shells read what is before.

    The first character of IFS is a space. A pattern would not do: who expands it may not look into users' directories.

    Raises:
        SchedulerError: there are other blanks in it.
    """
    if re.search(r"[\t\n\v\f\r]", path):
        raise SchedulerError(f"oarsub cannot read a script whose path has tabs or line breaks: {path!r}")
    escaped = re.sub(r"[^\w./%+=:,@ -]", r"\\\g<0>", path)
    return escaped.replace(" ", '"${IFS%${IFS#?}}"')


def _numbers(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if re.fullmatch(r"[0-9]{1,9}", name)))


def _act(verb: str, names: Sequence[str], among: str) -> list[Command]:
    """Choose jobs by number: an element by its place in its array, which it keeps when it is resubmitted."""
    arrays = _numbers(name.removeprefix(_ARRAY) for name in names if name.startswith(_ARRAY))
    wholes = [f"array_id IN ({','.join(some)})" for some in batches(arrays)]
    same = "(array_id, array_index) IN (SELECT array_id, array_index FROM jobs WHERE job_id IN ({}))"
    elements = [same.format(",".join(some)) for some in batches(_numbers(names))]
    return [Command((verb, "--sql", f"{which} AND {among}")) for which in [*wholes, *elements]]


def _oarstat(where: str, shell: Shell) -> Iterable[_Row]:
    words = ("oarstat", "-f", "--sql", where)
    reply = shell(Command((*words, "-J")))
    if reply.code != 0 and "JSON module" in reply.err:
        # The package that it is written with is not among those that OAR needs.
        return _read_text(answered(shell(Command(words))))
    return _read_json(answered(reply))


def _read_json(reply: Reply) -> list[_Row]:
    if not reply.out.strip():
        return []
    try:
        return list(_ROWS.validate_json(reply.out).values())
    except ValidationError as error:
        raise unreadable(reply) from error


def _read_text(reply: Reply) -> list[_Row]:
    """Read ``oarstat -f``: a block for each job, with ``key = value`` and its events."""
    blocks = re.split(r"^Job_Id: (?=\d+$)", reply.out, flags=re.MULTILINE)
    if blocks[0].strip():
        raise unreadable(reply)
    try:
        return [_read_block(block) for block in blocks[1:]]
    except (KeyError, ValueError) as error:
        raise unreadable(reply) from error


def _read_block(block: str) -> _Row:
    said: dict[str, str] = dict(re.findall(r"^    (\w+) = (.*)$", block, re.MULTILINE))
    events = re.findall(r"^\d{4}-\S+ [\d:]+> (\w+):(.*)$", block, re.MULTILINE)
    code = re.match(r"\d+", said.get("exit_code", ""))
    return _Row(
        Job_Id=int(block.splitlines()[0]),
        state=said["state"],
        exit_code=int(code[0]) if code else None,
        message=said.get("message"),
        types=said.get("types", "").split(", "),
        events=[_Event(type=kind, description=text) for kind, text in events],
        resubmit_job_id=int(said.get("resubmit_job_id") or 0),
    )


def _stopped(row: _Row) -> JobStatus:
    """Tell how a job ended that OAR, or somebody, put an end to: by its events."""
    said = {event.type: event for event in row.events}
    for kind, state in _EVIDENCE.items():
        if kind in said:
            return JobStatus(state, row.state, reason=_line(f"{kind}: {said[kind].description or ''}"))
    return JobStatus(
        JobState.FAILED, row.state, reason=_line(row.events[-1].description if row.events else row.message)
    )


def _ended(row: _Row) -> JobStatus:
    """Tell how a job ended by itself."""
    if row.exit_code is None:
        return JobStatus(JobState.FAILED, row.state, reason="Terminated without an exit code")
    code, signal = row.exit_code >> 8, row.exit_code & 127
    if signal:
        return JobStatus(JobState.FAILED, row.state, signal=signal)
    reason = f"exit {code}" if code else None
    if code == _AGAIN and "idempotent" in row.types:
        reason = "exit 99, and not resubmitted: OAR does so for jobs that ran for more than 60 s"
    elif code == _NOT_EXECUTED:
        reason = "exit 126: the shell could not execute the job script"
    return JobStatus(JobState.FAILED if code else JobState.COMPLETED, row.state, code, reason=reason)


def _line(text: str | None) -> str | None:
    return " ".join(text.split()) if text else None
