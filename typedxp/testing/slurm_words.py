"""Owns how the stand-in for Slurm reads the lines of scripts, and the words it answers in."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import split

from typedxp.testing.standin import Cause, FakeElement, Phase, Refused


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_VALUES = _split(
    """
    account acctg-freq array batch bb bbf begin chdir cluster-constraint clusters comment constraint container
    core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot dependency distribution
    error exclude export export-file extra-node-info gid gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket
    gpus-per-task gres gres-flags hint input job-name kill-on-invalid-dep licenses mail-type mail-user mcs-label
    mem mem-bind mem-per-cpu mem-per-gpu mincpus network nodefile nodelist nodes ntasks ntasks-per-core
    ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output partition power prefer priority profile propagate
    qos reservation signal sockets-per-node switches thread-spec threads-per-core time time-min tmp uid
    wait-all-nodes wckey wrap
    """
)
_FLAGS = _split(
    """
    contiguous exclusive get-user-env hold ignore-pbs no-kill no-requeue overcommit oversubscribe parsable quiet reboot
    requeue spread-job test-only use-min-nodes verbose wait nice
    """
)
_SHORT = {
    "A": "account",
    "C": "constraint",
    "D": "chdir",
    "G": "gpus",
    "H": "hold",
    "J": "job-name",
    "N": "nodes",
    "a": "array",
    "b": "begin",
    "c": "cpus-per-task",
    "d": "dependency",
    "e": "error",
    "n": "ntasks",
    "o": "output",
    "p": "partition",
    "q": "qos",
    "t": "time",
    "w": "nodelist",
    "x": "exclude",
}
_STATES = {
    Cause.CANCELLED: "CANCELLED",
    Cause.DEPENDENCY: "CANCELLED",
    Cause.TIMEOUT: "TIMEOUT",
    Cause.OUT_OF_MEMORY: "OUT_OF_MEMORY",
    Cause.NODE_FAILED: "NODE_FAIL",
    Cause.PREEMPTED: "PREEMPTED",
    Cause.NO_OUTPUT: "FAILED",
}
_REASONS = {
    Cause.DEPENDENCY: "DependencyNeverSatisfied",
    Cause.TIMEOUT: "TimeLimit",
    Cause.OUT_OF_MEMORY: "OutOfMemory",
    Cause.NODE_FAILED: "NodeDown",
    Cause.NO_OUTPUT: "JobLaunchFailure",
}
_SIGNALS = {Cause.TIMEOUT: signal.SIGTERM, Cause.OUT_OF_MEMORY: 125, Cause.NO_OUTPUT: 53}
"""What Slurm says instead of the signal that ended a job: 125 and 53 are numbers of its own."""

# Lines of a script


def directives(text: str) -> Iterator[str]:
    """Go through the words of the directives, which end with the first command."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            return
        if line.startswith("#SBATCH"):
            yield from split(line.removeprefix("#SBATCH"), comments=True)


def read_options(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Part words into options, by their long names, and the rest."""
    options: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            name, equals, value = _SHORT.get(word[1], ""), word[2:], word[2:]
        if name not in {*_VALUES, *_FLAGS}:
            raise Refused(255, f"sbatch: unrecognized option '{word}'\nTry \"sbatch --help\" for more information\n")
        options[name] = rest.pop(0) if name in _VALUES and not equals else value
    return options, rest


def word_after(words: Sequence[str], option: str) -> str:
    """Return the value of an option of other commands."""
    return words[list(words).index(option) + 1]


def read_indices(text: str) -> list[int]:
    """Read ``0-3,7``."""
    ends = [part.partition("-") for part in text.split(",") if part]
    return [index for low, _, high in ends for index in range(int(low), int(high or low) + 1)]


def read_time(text: str) -> int:
    """Read a time as sbatch does; it counts in minutes."""
    days, dash, clock = text.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    if dash:
        hours, minutes, seconds = [*parts, 0, 0][:3]
    else:
        hours, minutes, seconds = parts if len(parts) == 3 else [0, *parts, 0][:3]
    passed = int(days or 0) * 86_400 + hours * 3600 + minutes * 60 + seconds
    return -(-passed // 60) * 60


def read_warning(text: str) -> tuple[signal.Signals, float] | None:
    """Read ``B:USR1@60``. What is for steps only does not reach a script."""
    match = re.fullmatch(r"B:(?:SIG)?(\w+)@(\d+)", text)
    return (signal.Signals[f"SIG{match[1]}"], float(match[2])) if match else None


def output(element: FakeElement) -> Path:
    """Name the file of an element's output."""
    job = element.job
    pattern = job.options.get("output", "slurm-%j.out" if element.index is None else "slurm-%A_%a.out")
    values = {"%": "%", "A": job.number, "a": str(element.index), "j": element.number, "x": job.name}
    return job.directory / re.sub("%(.)", lambda match: values.get(match[1], match[0]), pattern)


# What elements see, and what is said of them


def environ(element: FakeElement) -> dict[str, str]:
    """Return the variables that an element sees."""
    job = element.job
    env = {
        "SLURM_JOB_ID": element.number,
        "SLURM_JOB_NAME": job.name,
        "SLURM_SUBMIT_DIR": str(job.directory),
        "SLURM_CLUSTER_NAME": "standin",
    }
    if job.indices is not None:
        env |= {
            "SLURM_ARRAY_JOB_ID": job.number,
            "SLURM_ARRAY_TASK_ID": str(element.index),
            "SLURM_ARRAY_TASK_MIN": str(min(job.indices)),
            "SLURM_ARRAY_TASK_MAX": str(max(job.indices)),
            "SLURM_ARRAY_TASK_COUNT": str(len(job.indices)),
        }
    return env | ({"SLURM_RESTART_COUNT": str(element.restarts)} if element.restarts else {})


def element_name(element: FakeElement) -> str:
    """Name an element, as in 4_7, or a job that is no array."""
    return element.job.number if element.index is None else f"{element.job.number}_{element.index}"


def acted(element: FakeElement, over: bool) -> str:
    """Say what scontrol does of an element, where it could not act on all."""
    if element.index is not None:
        return f"{element_name(element)}: {'Job has already finished' if over else 'No error'}\n"
    finished = f"Job has already finished for job {element_name(element)}\n" if over else ""
    return f"{finished}slurm_suspend error: {'Job has already finished' if over else 'No error'}\n"


def _state(element: FakeElement) -> str:
    if element.waiting:
        return "PENDING"
    if element.running:
        return "RUNNING" if element.phase is Phase.RUNNING else "COMPLETING"
    if element.cause is not None:
        return _STATES[element.cause]
    return "FAILED" if element.code or element.signal else "COMPLETED"


def _status(element: FakeElement) -> tuple[int, int]:
    if element.cause is not None:
        return 0, int(_SIGNALS.get(element.cause, 0))
    return element.code, element.signal


def _reason(element: FakeElement) -> str:
    if element.waiting:
        held = "JobHeldUser" if element.phase is Phase.HELD else "Resources"
        return "Dependency" if element.job.after and element.phase is Phase.QUEUED else held
    if element.cause is not None:
        return _REASONS.get(element.cause, "None")
    return "NonZeroExitCode" if element.code else "None"


def facts(element: FakeElement) -> dict[str, str]:
    """Return what squeue says of an element."""
    code, signal_ = _status(element)
    return {
        "JobArrayID": element_name(element),
        "State": _state(element),
        "exit_code": str(code << 8 | signal_),
        "RestartCnt": str(element.restarts),
        "Reason": _reason(element),
    }


def accounted(element: FakeElement) -> list[dict[str, str]]:
    """Return what accounts say of a job, and of the step that is its script."""
    code, signal_ = _status(element)
    name, state, exit_code = element_name(element), _state(element), f"{code}:{signal_}"
    by_whom = " by 0" if element.cause is Cause.CANCELLED else ""
    return [
        {"jobid": name, "state": state + by_whom, "exitcode": exit_code, "maxrss": "", "reqmem": "1000M"},
        {"jobid": f"{name}.batch", "state": state, "exitcode": exit_code, "maxrss": "1000K", "reqmem": ""},
    ]
