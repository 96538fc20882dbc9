"""Owns what bjobs answers: the records of jobs, and what they tell of how a job ended."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from typedxp.schedulers.shell import Command, Reply, Shell, refused, unreadable
from typedxp.vocabulary.jobs import JobState, JobStatus

_FIELDS = ("jobid", "jobindex", "stat", "exit_code", "exit_reason", "pend_reason")
_UNKNOWN = re.compile(r"Job <[^>]*>:? (?:is not found|No matching job found)")
# SIGUSR2, which LSF sends when the run limit is reached, after 128.
_AT_THE_LIMIT = 140

# "Termination reasons displayed by bacct, bhist, and bjobs".
_REASONS: Mapping[str, JobState] = {
    "TERM_RUNLIMIT": JobState.TIMEOUT,
    "TERM_CPULIMIT": JobState.TIMEOUT,
    "TERM_DEADLINE": JobState.TIMEOUT,
    "TERM_MEMLIMIT": JobState.OUT_OF_MEMORY,
    "TERM_SWAP": JobState.OUT_OF_MEMORY,
    "TERM_PREEMPT": JobState.PREEMPTED,
    "TERM_LOAD": JobState.PREEMPTED,
    "TERM_WINDOW": JobState.PREEMPTED,
    "TERM_RC_RECLAIM": JobState.PREEMPTED,
    "TERM_OWNER": JobState.CANCELLED,
    "TERM_FORCE_OWNER": JobState.CANCELLED,
    "TERM_ADMIN": JobState.CANCELLED,
    "TERM_FORCE_ADMIN": JobState.CANCELLED,
    "TERM_BUCKET_KILL": JobState.CANCELLED,
    "TERM_ORPHAN_SYSTEM": JobState.CANCELLED,
    "TERM_ZOMBI": JobState.NODE_FAILED,
    "TERM_REMOVE_HUNG_JOB": JobState.NODE_FAILED,
}


def read_records(names: Sequence[str], shell: Shell) -> list[dict[str, str]]:
    """Ask for the records of some jobs, as JSON or, of an LSF that has none, as text."""
    reply = shell(Command(("bjobs", "-a", "-json", "-o", " ".join(_FIELDS), *names)))
    records = _read_json(reply.out)
    if records is not None:
        return records
    if _only_unknown(reply):
        return []
    # The last field takes the rest of the line, so that a reason may hold the delimiter.
    layout = " ".join([*_FIELDS[:-2], "exit_reason", "delimiter='^'"])
    again = shell(Command(("bjobs", "-a", "-noheader", "-o", layout, *names)))
    lines = [line for line in again.out.splitlines() if "^" in line]
    if not lines and not _only_unknown(again):
        raise refused(again) if again.code != 0 else unreadable(again)
    return [_read_line(line) for line in lines]


def _read_json(text: str) -> list[dict[str, str]] | None:
    """Read the records of ``bjobs -json``; those of jobs that it does not know say so. None if it is something else."""
    # What daemons complain of may come before; reasons may hold line breaks.
    start = text.find("{")
    try:
        answer = json.loads(text[start:], strict=False) if start >= 0 else None
    except ValueError:
        return None
    records = answer.get("RECORDS") if isinstance(answer, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        return None
    return [{key: str(value).strip() for key, value in record.items()} for record in records if "STAT" in record]


def _read_line(line: str) -> dict[str, str]:
    names = [name.upper() for name in _FIELDS[:-1]]
    values = (value.strip() for value in line.split("^", len(names) - 1))
    return {name: "" if value == "-" else value for name, value in zip(names, values, strict=False)}


def _only_unknown(reply: Reply) -> bool:
    """Whether bjobs knows none of the jobs, and has nothing else to say."""
    said = [line for line in f"{reply.out}\n{reply.err}".splitlines() if line.strip()]
    return bool(said) and all(_UNKNOWN.match(line.strip()) for line in said)


def element(record: Mapping[str, str]) -> str:
    """Name the job of a record: ``12``, or ``12[3]`` if it is an element of an array."""
    job, _, index = record.get("JOBID", "").rstrip("]").partition("[")
    index = index or record.get("JOBINDEX", "")
    return f"{job}[{index}]" if index.strip("0-") else job


def _said(record: Mapping[str, str], field: str) -> str:
    text = " ".join(record.get(field, "").split())
    return "" if text == "-" else text


def _ended(native: str, code: int | None, why: str) -> JobStatus:
    """Tell what became of a job that did not end well. LSF adds a signal to 128."""
    word = re.match(r"TERM_\w+", why, re.ASCII)
    state = _REASONS.get(word[0], JobState.FAILED) if word else JobState.FAILED
    if not why and code == _AT_THE_LIMIT:
        state = JobState.TIMEOUT
    signal = code - 128 if code is not None and 128 < code < 193 else None
    evidence = [why.rstrip("."), f"exit {code}" if code is not None else ""]
    return JobStatus(state, native, code, signal, ", ".join(part for part in evidence if part) or native)


def status(state: JobState, record: Mapping[str, str]) -> JobStatus:
    """Tell where a job stands, whose word for it stands for ``state``."""
    native = record.get("STAT", "")
    code = int(text) if re.fullmatch(r"\d+", text := record.get("EXIT_CODE", ""), re.ASCII) else None
    if state is JobState.FAILED:
        return _ended(native, code, _said(record, "EXIT_REASON"))
    if state is JobState.COMPLETED:
        return JobStatus(state, native, code or 0)
    return JobStatus(state, native, reason=_said(record, "PEND_REASON") or None)
