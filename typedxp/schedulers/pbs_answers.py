"""Owns what PBS answers: the ways to ask qstat, and what its words mean.

Sources: the manual pages qstat(1B) and pbs_job_attributes(7B), job.h and stat_job.c of OpenPBS, and answers of 23.06.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from typedxp.schedulers import pbs_family as family
from typedxp.schedulers.shell import Command, Shell, refused, unreadable
from typedxp.vocabulary.jobs import JobState, JobStatus

STATES: Mapping[str, JobState] = {
    "Q": JobState.QUEUED,
    "T": JobState.QUEUED,
    "W": JobState.QUEUED,
    "H": JobState.HELD,
    "B": JobState.RUNNING,
    "R": JobState.RUNNING,
    "E": JobState.RUNNING,
    "S": JobState.RUNNING,
    "U": JobState.RUNNING,
}
"""The states of jobs. Those of what has ended, F and X, are read from how it ended."""

_QUESTIONS = (("-xtf", "-F", "json"), ("-tf", "-F", "json"), ("-xtf",), ("-tf",))
"""Ways to ask, the best first: servers that keep no history refuse -x, old ones refuse json or write it wrongly."""

_FORGOTTEN = re.compile(r"Unknown Job Id|Job has finished", re.IGNORECASE)
_OTHER_WAY = re.compile(r"history|usage:|invalid option|illegal|conflicting", re.IGNORECASE)
_EXCEEDED = re.compile(r"exceeded (?:resource |limit )?(\w+)", re.IGNORECASE)

# job.h of OpenPBS: JOB_EXEC_*
_EXITS: Mapping[int, JobState] = {
    -4: JobState.NODE_FAILED,
    -5: JobState.NODE_FAILED,
    -6: JobState.NODE_FAILED,
    -20: JobState.NODE_FAILED,
    -26: JobState.OUT_OF_MEMORY,
    -27: JobState.OUT_OF_MEMORY,
    -28: JobState.TIMEOUT,
    -29: JobState.TIMEOUT,
}
_LIMITS = {
    "walltime": JobState.TIMEOUT,
    "cput": JobState.TIMEOUT,
    "mem": JobState.OUT_OF_MEMORY,
    "vmem": JobState.OUT_OF_MEMORY,
}
_TERMINATED = "91"
"""The substate of a job that was deleted."""
_ENDED = ("F", "X")
_SWEPT = "Subjob finished"
# stat_job.c: what is told of an element of which the server keeps nothing else.
_KEPT = {
    # Where there is a history, what has ended is in it, unless it was deleted, in the queue or with the whole array.
    _SWEPT: JobState.CANCELLED,
    "Subjob failed": JobState.FAILED,
    "Subjob terminated": JobState.CANCELLED,
}


def ask(names: Sequence[str], shell: Shell) -> Mapping[str, Mapping[str, Any]]:
    """Ask qstat for jobs with their elements; return the attributes of what it knows, by id.

    Raises:
        SchedulerError: it does not answer, in no way that it might know.
    """
    replies = []
    for options in _QUESTIONS:
        reply = shell(Command(("qstat", *options, *names)))
        if reply.code == 0 or family.complains_only(reply, _FORGOTTEN):
            facts = _read_json(reply.out) if "json" in options else family.read_text(reply.out)
            if facts is not None:
                return facts if "x" in options[0] else _without_history(facts)
            if reply.code != 0 and not reply.out.strip():
                return {}
        elif not _OTHER_WAY.search(reply.said):
            # That the server is down, it says once for each job.
            raise refused(replace(reply, err="\n".join(dict.fromkeys(reply.err.splitlines()))))
        replies.append(reply)
    raise unreadable(replies[0])


def _without_history(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Leave out the elements of which it is only known that they are not in the queue: some have failed."""
    # The comment may stick to the array, and so be told of what waits, too.
    return {
        name: each
        for name, each in facts.items()
        if each.get("comment") != _SWEPT or each.get("job_state") not in _ENDED
    }


def _read_json(text: str) -> dict[str, Mapping[str, Any]] | None:
    try:
        said = json.loads(text, strict=False)
    except ValueError:
        # Some versions write text that looks like a number without quotes.
        return None
    jobs = said.get("Jobs", {}) if isinstance(said, dict) and "pbs_version" in said else None
    sound = isinstance(jobs, dict) and all(isinstance(facts, dict) for facts in jobs.values())
    return jobs if sound else None


def read_status(facts: Mapping[str, Any], array: Mapping[str, Any]) -> JobStatus | None:
    """Judge an element by its attributes and those of its array; None if PBS has forgotten how it ended."""
    native = str(facts.get("job_state", ""))
    comment = family.one_line(str(facts.get("comment", "")))
    if native in _ENDED:
        return _ended(native, facts, comment)
    state = STATES.get(native, JobState.UNKNOWN)
    if native == "Q" and array.get("job_state") == "H":
        # Arrays are held as a whole: the array says so, its elements do not.
        state, facts = JobState.HELD, array
    if state is JobState.HELD and not family.held(facts):
        state = JobState.QUEUED
    waits = state in (JobState.QUEUED, JobState.HELD) and not comment.startswith(("Job Array Began", _SWEPT))
    return JobStatus(state, native, reason=comment or None if waits else None)


def _ended(native: str, facts: Mapping[str, Any], comment: str) -> JobStatus | None:
    code, substate = family.number(facts.get("Exit_status")), str(facts.get("substate", ""))
    if comment in _KEPT:
        # The rest of what is told is that of the array.
        why = "deleted before it ran, or with all of its array" if comment == _SWEPT else comment
        return JobStatus(_KEPT[comment], native, reason=why)
    if code is None:
        # X says of an element, where no history is kept, that it has ended or was deleted: not which.
        deleted = native == "F" or substate == _TERMINATED
        return JobStatus(JobState.CANCELLED, native, reason=comment or "it never ran") if deleted else None
    state = _judge(code, substate, comment)
    exit_code, signal = family.ended(code)
    if exit_code is not None and 128 < exit_code < 193:
        # The login shell, which the script is a child of, adds the signal that has ended the script to 128.
        signal = exit_code - 128
    reason = f"Exit_status {code}{f': {comment}' if comment else ''}" if state is not JobState.COMPLETED else None
    return JobStatus(state, native, exit_code, signal, reason)


def _judge(code: int, substate: str, comment: str) -> JobState:
    if code in _EXITS:
        return _EXITS[code]
    if substate == _TERMINATED:
        return JobState.CANCELLED
    limit = _EXCEEDED.search(comment)
    if limit is not None and limit[1].lower() in _LIMITS:
        return _LIMITS[limit[1].lower()]
    return JobState.COMPLETED if code == 0 else JobState.FAILED
