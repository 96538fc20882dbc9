"""Owns Slurm: sbatch, squeue, sacct, scancel, scontrol.

Sources: the manual pages sbatch(1), squeue(1), sacct(1), scancel(1) and scontrol(1) of Slurm 22.05.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from signal import SIGKILL
from typing import ClassVar

from typedxp.errors import ProfileError, SchedulerError
from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Profile
from typedxp.schedulers.shell import Command, Reply, Shell, batches, refused, unreadable
from typedxp.schedulers.slurm_accounting import exceeded
from typedxp.schedulers.slurm_profile import Slurm, word
from typedxp.vocabulary.jobs import JobState, JobStatus
from typedxp.vocabulary.listing import spans

__all__ = ["Slurm", "SlurmScheduler"]

# What Slurm tells a job, and what would overrule the lines of a script; but not SLURM_CONF, the way to the cluster.
_INHERITED = ("SBATCH_*", "SRUN_*", "SLURMD_*", "SLURM_[!C]*", "SLURM_C[!O]*", "SLURM_CO[!N]*", "SLURM_CON[!F]*")
# With a separator, for values may be of any length. exit_code is a raw wait status.
_COLUMNS = ("JobArrayID", "State", "exit_code", "RestartCnt", "Reason")
_SQUEUE = ("squeue", "-h", "-r", "-t", "all", "-O", ",".join(f"{column}:|" for column in _COLUMNS))
# Not the reason: that is why a job waited before it ran.
_SACCT = ("sacct", "-X", "-n", "-P", "-o", "jobid,state,exitcode")
# What Slurm writes in the place of a signal, but is none: the launch failed, and there was no memory left.
_NO_SIGNALS = (53, 125)
# Of elements, and of lone jobs, for which there is a line at the end, too.
_PASSED_OVER = re.compile(
    r"(?:[\d_,\[\]-]+|slurm_suspend error): (?:Job has already finished|No error)|Job has already finished for job \d+",
    re.ASCII,
)
# https://slurm.schedmd.com/job_reason_codes.html
_NEVER = (
    *("AccountNotAllowed", "BadConstraints", "DependencyNeverSatisfied", "InvalidAccount", "InvalidQOS"),
    *("PartitionConfig", "PartitionNodeLimit", "PartitionTimeLimit", "QOSNotAllowed", "QOSTimeLimit"),
)
_ENDS = (
    *("BadConstraints", "DeadLine", "DependencyNeverSatisfied", "InactiveLimit", "JobLaunchFailure", "NodeDown"),
    *("NodeFail", "OutOfMemory", "SystemFailure", "TimeLimit"),
)


class SlurmScheduler(Scheduler):
    """Slurm's commands and answers."""

    name = "slurm"
    profile = Slurm
    task = "SLURM_ARRAY_TASK_ID"
    own_name = ("${SLURM_JOB_ID}", "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}")
    inherited = _INHERITED
    # slurmstepd's words, and those of the plugins that gather what jobs use.
    memory_words = ("exceeded memory limit", "Exceeded job memory limit", "oom-kill event", "oom_kill event")
    # https://slurm.schedmd.com/job_state_codes.html
    states: ClassVar[Mapping[str, JobState]] = {
        "PENDING": JobState.QUEUED,
        "CONFIGURING": JobState.RUNNING,
        "REQUEUED": JobState.QUEUED,
        "REQUEUE_HOLD": JobState.HELD,
        "REQUEUE_FED": JobState.QUEUED,
        "SPECIAL_EXIT": JobState.HELD,
        "RESV_DEL_HOLD": JobState.HELD,
        "RUNNING": JobState.RUNNING,
        "RESIZING": JobState.RUNNING,
        "SUSPENDED": JobState.RUNNING,
        "STOPPED": JobState.RUNNING,
        "SIGNALING": JobState.RUNNING,
        "STAGE_OUT": JobState.RUNNING,
        "COMPLETING": JobState.RUNNING,
        "COMPLETED": JobState.COMPLETED,
        "FAILED": JobState.FAILED,
        "BOOT_FAIL": JobState.NODE_FAILED,
        "NODE_FAIL": JobState.NODE_FAILED,
        "LAUNCH_FAILED": JobState.FAILED,
        "RECONFIG_FAIL": JobState.FAILED,
        "CANCELLED": JobState.CANCELLED,
        "REVOKED": JobState.CANCELLED,
        "TIMEOUT": JobState.TIMEOUT,
        "DEADLINE": JobState.TIMEOUT,
        "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
        "PREEMPTED": JobState.PREEMPTED,
    }

    def job_options(self, profile: Profile, job: Job) -> list[str]:
        """Write name, output and array."""
        placeholder = "%A_%a" if job.count is not None else "%j"
        if "\\" in str(job.output):
            raise ProfileError(
                f"slurm cannot write its output to {str(job.output)!r}: with a backslash in the name of a directory, "
                "sbatch leaves out the number of the job.\nMove the runs elsewhere with `xp.logs`."
            )
        directory = str(job.output).replace("%", "%%")
        options = [
            f"--job-name={word(profile.name or job.name)}",
            f"--output={word(f'{directory}/{placeholder}.log')}",
        ]
        if job.count is not None:
            throttle = f"%{profile.parallel}" if profile.parallel is not None else ""
            options.append(f"--array=0-{job.count - 1}{throttle}")
        return options

    def output_file(self, element: str) -> str:
        """Name the file of an element."""
        return f"{element}.log"

    def check_after(self, names: Sequence[str], shell: Shell) -> None:
        """Ask for the jobs: those that Slurm does not know any more are as good as completed to it."""
        # With a number of minutes to wait, as in 12+5.
        asked = dict.fromkeys(name.partition("+")[0] for name in names)
        rows: dict[str, JobStatus] = {}
        for some in batches([name for name in asked if re.fullmatch(r"\d+(_\d+)?", name, re.ASCII)]):
            rows |= self._queue(shell(Command((*_SQUEUE, "-j", ",".join(some)))))
            if gone := [name for name in some if not _rows(name, rows)]:
                _check_ended(gone, self._accounts(shell(Command((*_SACCT, "-j", ",".join(gone)))), gone))

    def submit_command(self, script: Path) -> Command:
        """Submit with an answer for programs."""
        return Command(("sbatch", "--parsable", str(script)), without=_INHERITED)

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read ``id``, or ``id;cluster`` on a federation."""
        if reply.code != 0:
            raise refused(reply)
        job = reply.out.strip().partition(";")[0]
        if not job.isdecimal():
            raise unreadable(reply)
        return Submitted(job, (job,) if count is None else tuple(f"{job}_{index}" for index in range(count)))

    def test_command(self, script: Path) -> Command:
        """Ask when the job would start."""
        return Command(("sbatch", "--test-only", str(script)), without=_INHERITED)

    def limit_command(self) -> Command:
        """Ask for the configuration."""
        return Command(("scontrol", "show", "config"))

    def read_limit(self, reply: Reply) -> int | None:
        """Read MaxArraySize: the highest index is one less, and so the number of elements from 0 on is at most that."""
        match = re.search(r"^MaxArraySize\s*=\s*(\d+)", reply.out, re.MULTILINE)
        return int(match[1]) if match else None

    def ask(self, jobs: Mapping[str, Sequence[str]], shell: Shell) -> dict[str, JobStatus]:
        """Ask squeue, which knows what has ended in the last minutes, too; and sacct of those that it has forgotten."""
        found: dict[str, JobStatus] = {}
        for ids in batches(list(jobs)):
            found |= _spread(self._queue(shell(Command((*_SQUEUE, "-j", ",".join(ids))))), jobs)
        lost = {job: names for job, elements in jobs.items() if (names := [e for e in elements if e not in found])}
        for ids in batches(list(lost)):
            names = [name for job in ids for name in lost[job]]
            found |= _spread(self._accounts(shell(Command((*_SACCT, "-j", ",".join(ids)))), names), lost)
        return found | self._starved(found, shell)

    def _starved(self, answer: Mapping[str, JobStatus], shell: Shell) -> dict[str, JobStatus]:
        """Find out which of the killed needed too much memory: without cgroups, Slurm has no other word for it."""
        killed = [
            name for name, status in answer.items() if (status.state, status.signal) == (JobState.FAILED, SIGKILL)
        ]
        starved: dict[str, JobStatus] = {}
        for names in batches(killed):
            for name, evidence in exceeded(names, shell).items():
                words = f"{answer[name].reason}, {evidence}"
                starved[name] = replace(answer[name], state=JobState.OUT_OF_MEMORY, reason=words)
        return starved

    def _queue(self, reply: Reply) -> dict[str, JobStatus]:
        if reply.code != 0 and "Invalid job id" in reply.err:
            return {}
        if reply.code != 0:
            raise refused(reply)
        rows = [line.removesuffix("|").split("|") for line in reply.out.splitlines()]
        if any(len(row) != len(_COLUMNS) or not row[2].isdecimal() for row in rows):
            raise unreadable(reply)
        return {
            element: self._status(native, _decoded(int(status)), reason, restarts)
            for element, native, status, restarts, reason in rows
        }

    def _accounts(self, reply: Reply, names: Sequence[str]) -> dict[str, JobStatus]:
        if reply.code != 0 and "accounting storage is disabled" in reply.err:
            return {}
        if reply.code != 0:
            # Nobody knows what became of them; that must not look as if Slurm had never heard of them.
            silent = JobStatus(JobState.UNKNOWN, "", reason=f"sacct says: {reply.said.splitlines()[0]}")
            return dict.fromkeys(names, silent)
        rows = [line.split("|") for line in reply.out.splitlines()]
        if any(len(row) != 3 or not re.fullmatch(r"\d+:\d+", row[2]) for row in rows):
            raise unreadable(reply)
        return {element: self._ended(*rest) for element, *rest in rows}

    def _ended(self, native: str, exit_code: str) -> JobStatus:
        code, _, signal = exit_code.partition(":")
        status = self._status(native, (int(code), int(signal)), "None")
        if status.state.final:
            return status
        return JobStatus(JobState.UNKNOWN, native, reason="sacct has not heard of its end, and squeue has forgotten it")

    def _status(self, native: str, ended: tuple[int, int], reason: str, restarts: str = "0") -> JobStatus:
        """Make a status; of a cancelled job, sacct's word is ``CANCELLED by 1000``."""
        state = self.state(native.partition(" ")[0])
        if state is JobState.QUEUED and ("held" in reason.lower() or reason == "JobHoldMaxRequeue"):
            state = JobState.HELD
        times = [f"restarted {restarts} time{'' if restarts == '1' else 's'}"] if restarts not in ("0", "") else []
        if not state.final:
            why = [reason] if reason not in ("", "None") else []
            never = ["it can never start like this"] if reason in _NEVER else []
            return JobStatus(state, native, reason=", ".join([*why, *never, *times]) or None)
        # What it last waited for is no reason of its end.
        why = [reason] if reason in _ENDS or reason.startswith("RaisedSignal") else []
        code, signal = ended
        evidence = ", ".join([native, *why, *times, f"exit {code}:{signal}"])
        # A job that was stopped before its program could say anything has no exit code.
        said = code if state in (JobState.COMPLETED, JobState.FAILED) and not signal else code or None
        return JobStatus(
            state,
            native,
            said,
            None if signal in (0, *_NO_SIGNALS) else signal,
            None if state is JobState.COMPLETED else evidence,
        )

    def cancel_commands(self, names: Sequence[str]) -> list[Command]:
        """Cancel by one command."""
        return [Command(("scancel", *batch)) for batch in batches(_ranges(names))]

    def hold_commands(self, names: Sequence[str]) -> list[Command]:
        """Hold a few elements by one command: each takes a tenth of a second, and a command waits no more than 10."""
        return [Command(("scontrol", "hold", ",".join(_ranges(few)))) for few in _parted(names)]

    def release_commands(self, names: Sequence[str]) -> list[Command]:
        """Release a few elements by one command, as they are held."""
        return [Command(("scontrol", "release", ",".join(_ranges(few)))) for few in _parted(names)]

    def requeue_command(self, name: str) -> Command:
        """Requeue, which users may do with their own jobs."""
        return Command(("scontrol", "requeue", name))

    def gone(self, reply: Reply) -> bool:
        """Whether scontrol found elements that have ended, and no other trouble; it speaks of each then."""
        said = reply.err.splitlines()
        return bool(said) and all(_PASSED_OVER.fullmatch(line) for line in said)


def _spread(rows: Mapping[str, JobStatus], jobs: Mapping[str, Sequence[str]]) -> dict[str, JobStatus]:
    """Find each element that is asked of: in a row of its own, or in the one of all that never came to have their own.

    The name of that row is the job's, as in ``7``, or has a list that may be cut off, as in ``7_[2-4,10-99]``.
    """
    rest = {name.partition("_")[0]: status for name, status in rows.items() if "_" not in name or "[" in name}
    found = {name: rows.get(name) or rest.get(job) for job, elements in jobs.items() for name in elements}
    return {name: status for name, status in found.items() if status is not None}


def _rows(name: str, rows: Mapping[str, JobStatus]) -> list[JobStatus]:
    """Find what is said of an element, or of all elements of a job."""
    job, _, index = name.partition("_")
    if index:
        return list(_spread(rows, {job: [name]}).values())
    return [status for row, status in rows.items() if row.partition("_")[0] == job]


def _check_ended(names: Sequence[str], accounts: Mapping[str, JobStatus]) -> None:
    """Refuse to go on after jobs that squeue has forgotten, unless the accounts know that they have succeeded."""
    for name in names:
        ends = _rows(name, accounts)
        doubts = [status.reason or status.native for status in ends if status.state is not JobState.COMPLETED]
        if doubts or not ends:
            said = f" ({doubts[0]})" if doubts else ""
            raise SchedulerError(
                f"slurm has forgotten {name}, and would start the job at once, though nothing says that {name} "
                f"succeeded{said}. Check the ids in `after`, and leave out those that need not be waited for."
            )


def _decoded(status: int) -> tuple[int, int]:
    """Part a wait status into exit code and signal."""
    signal = status & 0x7F
    return (0, signal) if signal else (status >> 8, 0)


def _parted(names: Sequence[str], size: int = 30) -> list[Sequence[str]]:
    return [names[begin : begin + size] for begin in range(0, len(names), size)]


def _ranges(names: Sequence[str]) -> list[str]:
    """Put the elements of each array into one name, as in ``7_[0-3,9]``, so that Slurm is told of them at once."""
    arrays: dict[str, list[str]] = {}
    for name in names:
        job, _, index = name.partition("_")
        arrays.setdefault(job, []).append(index)
    # A job's own name is the whole of it.
    return [
        job if "" in indices else f"{job}_[{','.join(spans(map(int, indices)))}]" for job, indices in arrays.items()
    ]
