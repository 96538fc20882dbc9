"""Owns what Grid Engine's accounting says of jobs that have ended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from typedxp.schedulers.shell import Reply, unreadable
from typedxp.vocabulary.jobs import JobState, JobStatus

_POWERS = "KMGTP"
_TIMES = {"h_rt": "ru_wallclock", "s_rt": "ru_wallclock", "h_cpu": "cpu", "s_cpu": "cpu"}
_MEMORIES = ("h_vmem", "s_vmem")
# https://man.archlinux.org/man/sge_status.5: the codes of "failed"
_RAN = frozenset({0, 12, 13, 14, 15, 16})
_RESCHEDULED = frozenset({24, 25})
_LIMIT = 37
_SIGNALLED = frozenset({17, 37, 100})
_BROKEN = frozenset({18, 19, 20, 21})
_KILLED = 9
"""What qdel sends, and so do the kernel that is out of memory, and ``kill -9``."""
_NOTIFIED = 12
"""What qdel sends first with -notify."""


def read_accounting(reply: Reply) -> dict[str, JobStatus]:
    """Read how the elements of a job ended, by name, from what `qacct -j` printed.

    Each time that an element was executed has a record; the last one counts.

    Raises:
        SchedulerError: the answer cannot be read.
    """
    found: dict[str, JobStatus] = {}
    for record in _records(reply.out):
        job, task = record.get("jobnumber"), record.get("taskid", "undefined")
        if job is None:
            raise unreadable(reply)
        found[job if task == "undefined" else f"{job}.{task}"] = _status(record)
    if not found:
        raise unreadable(reply)
    return found


def _records(text: str) -> Iterator[dict[str, str]]:
    for block in re.split(r"^={10,}$", text, flags=re.MULTILINE):
        pairs = [line.split(None, 1) for line in block.splitlines() if line.strip()]
        if pairs:
            yield {pair[0]: pair[1].strip() if len(pair) > 1 else "" for pair in pairs}


def _status(record: Mapping[str, str]) -> JobStatus:
    failed, code = _number(record.get("failed")), _number(record.get("exit_status"))
    native = f"failed {failed}" if failed else f"exit_status {code}"
    if failed is None or code is None:
        return JobStatus(JobState.UNKNOWN, native, reason=_evidence(record))
    if failed in _RAN:
        state = JobState.COMPLETED if code == 0 else JobState.FAILED
        return JobStatus(state, native, exit_code=code, reason=_evidence(record) if failed or code else None)
    if failed in _SIGNALLED:
        signal = code - 128 if code > 128 else None
        state, reason = _killed(record, failed, signal), _evidence(record)
        if state is JobState.FAILED and signal == _KILLED:
            reason = f"killed by signal 9, or deleted by qdel: {reason}"
        return JobStatus(state, native, signal=signal, reason=reason)
    if failed in _RESCHEDULED:
        # It went back to the queue, and is not there: so it was deleted before it started again.
        return JobStatus(JobState.CANCELLED, native, reason=_evidence(record))
    state = JobState.NODE_FAILED if failed in _BROKEN else JobState.FAILED
    # It did not start, or exited with 100 and so asked for the error state.
    return JobStatus(state, native, exit_code=code or None, reason=_evidence(record))


def _killed(record: Mapping[str, str], failed: int, signal: int | None) -> JobState:
    """Say what killed a job: a limit of its own, or of its queue, which only the code tells; or somebody."""
    limits, slots = _limits(record.get("category", "")), _number(record.get("slots")) or 1
    most = _amount(record.get("maxvmem"))
    if any(name in limits and most >= _amount(limits[name]) * slots > 0 for name in _MEMORIES):
        return JobState.OUT_OF_MEMORY
    if failed == _LIMIT or any(
        name in limits and _amount(record.get(used)) >= _amount(limits[name]) for name, used in _TIMES.items()
    ):
        return JobState.TIMEOUT
    deleted = record.get("deleted_by", "NONE") not in ("NONE", "")
    return JobState.CANCELLED if deleted or signal == _NOTIFIED else JobState.FAILED


def _limits(category: str) -> dict[str, str]:
    """Read the hard requests in a category such as ``-l h_rt=15,s_rt=5 -pe smp 3``."""
    match = re.search(r"(?:^|\s)-l (\S+)", category)
    return dict(part.split("=", 1) for part in match[1].split(",") if "=" in part) if match else {}


def _evidence(record: Mapping[str, str]) -> str:
    said = [
        (key, " ".join(record[key].split()))
        for key in ("failed", "exit_status", "ru_wallclock", "maxvmem")
        if key in record
    ]
    return ", ".join(f"{key} {text}" for key, text in said if text not in ("0", ""))


def _number(text: str | None) -> int | None:
    match = re.match(r"\d+", text or "")
    return int(match[0]) if match else None


def _amount(text: str | None) -> float:
    """Read seconds, or bytes, as in 61s, 442.699MB, 300M and 0.000B; a small k, m, g or t is one of 1000."""
    match = re.match(r"(\d+(?:\.\d+)?)([KMGTPkmgt]?)", text or "")
    if match is None:
        return 0.0
    base = 1000 if match[2].islower() else 1024
    return float(match[1]) * float(base ** (_POWERS.index(match[2].upper()) + 1 if match[2] else 0))
