"""Owns the stand-in for Slurm. Its words are those of Slurm 22.05.

sbatch, squeue, sacct, scancel and scontrol understand what typedxp asks, and more of sbatch's directives than matter.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shlex import split
from typing import ClassVar

from typedxp.testing.standin import Answer, Cause, FakeElement, FakeJob, Phase, Program, Refused, StandIn


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_VALUES = _words(
    """
    account acctg-freq array batch bb bbf begin chdir cluster-constraint clusters comment constraint container
    core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot dependency distribution
    error exclude export export-file extra-node-info gid gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket
    gpus-per-task gres gres-flags hint input job-name kill-on-invalid-dep licenses mail-type mail-user mcs-label
    mem mem-bind mem-per-cpu mem-per-gpu mincpus network nodefile nodelist nodes ntasks ntasks-per-core ntasks-
    per-gpu ntasks-per-node ntasks-per-socket open-mode output partition power prefer priority profile propagate
    qos reservation signal sockets-per-node switches thread-spec threads-per-core time time-min tmp uid wait-all-
    nodes wckey wrap
    """
)
_FLAGS = _words(
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


class FakeSlurm(StandIn):
    """A shell that understands Slurm's commands, and answers in its words.

    ``partitions`` are those that there are; any if None. Without ``accounting``, sacct refuses. ``max_array`` is
    Slurm's MaxArraySize.
    """

    grace: ClassVar[float] = 1.0

    def __init__(
        self,
        slots: int = 4,
        speed: float = 1.0,
        *,
        partitions: Sequence[str] | None = None,
        accounting: bool = True,
        max_array: int = 1001,
    ) -> None:
        super().__init__(slots, speed)
        self.partitions = partitions
        self.accounting = accounting
        self.max_array = max_array
        self._accounts: dict[str, FakeJob] = {}

    @property
    def programs(self) -> Mapping[str, Program]:
        """Name Slurm's commands."""
        return {
            "sbatch": self._sbatch,
            "squeue": self._squeue,
            "sacct": self._sacct,
            "scancel": self._scancel,
            "scontrol": self._scontrol,
        }

    # sbatch

    def _sbatch(self, words: Sequence[str]) -> Answer:
        given, rest = _options(words)
        text = Path(rest[0]).read_text() if rest else ""
        if not text.startswith("#!"):
            raise Refused(1, "sbatch: error: This does not look like a batch script.  The first\n")
        options = {**_options(list(_directives(text)))[0], **given}
        self._judge(options)
        if "test-only" in given:
            return Answer(
                err="sbatch: Job 1 to start at 2026-01-01T00:00:00 using 1 processors on nodes n1 in partition main\n"
            )
        job = self.enqueue(self._job(text, options))
        self._accounts[job.number] = job
        return Answer(f"{job.number}\n" if "parsable" in given else f"Submitted batch job {job.number}\n")

    def _judge(self, options: Mapping[str, str]) -> None:
        partition = options.get("partition")
        if partition and self.partitions is not None and partition not in self.partitions:
            raise Refused(
                1,
                f"sbatch: error: invalid partition specified: {partition}\n"
                "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
            )
        indices = _indices(options["array"].partition("%")[0]) if "array" in options else []
        if "array" in options and (not indices or max(indices) >= self.max_array):
            raise Refused(1, "sbatch: error: Batch job submission failed: Invalid job array specification\n")

    def _job(self, text: str, options: Mapping[str, str]) -> FakeJob:
        array, _, throttle = options.get("array", "").partition("%")
        dependency = options.get("dependency", "")
        return FakeJob(
            script=text,
            name=options.get("job-name", "sbatch"),
            directory=Path(options.get("chdir", "")).absolute(),
            output=_output,
            environ=_environ,
            indices=_indices(array) if array else None,
            throttle=int(throttle) if throttle else None,
            limit=_seconds(options["time"]) if "time" in options else None,
            warning=_warning(options.get("signal", "")),
            after=dependency.removeprefix("afterok:").split(":") if dependency.startswith("afterok:") else (),
            held="hold" in options,
            requeues="no-requeue" not in options,
            inherits=options.get("export", "ALL").startswith("ALL"),
            options=options,
        )

    # Questions

    def _squeue(self, words: Sequence[str]) -> Answer:
        wanted = _after(words, "-j").split(",") if "-j" in words else list(self.jobs)
        if len(wanted) == 1 and wanted[0].partition("_")[0] not in self.jobs:
            raise Refused(1, "slurm_load_jobs error: Invalid job id specified\n")
        columns = [re.sub(r":.*", "", column) for column in _after(words, "-O").split(",")]
        there = [each for each in self.elements() if each.job.number in wanted or _name(each) in wanted]
        rows = [_facts(element) for element in there]
        return Answer("".join("".join(f"{row[column]}|" for column in columns) + "\n" for row in rows))

    def _sacct(self, words: Sequence[str]) -> Answer:
        if not self.accounting:
            raise Refused(1, "Slurm accounting storage is disabled\n")
        wanted = _after(words, "-j").split(",")
        columns = _after(words, "-o").split(",")
        elements = [
            element
            for job in self._accounts.values()
            for element in job.elements
            if job.number in wanted or _name(element) in wanted
        ]
        rows = [row for element in elements for row in _accounted(element)[: 1 if "-X" in words else 2]]
        return Answer("".join("|".join(row[column] for column in columns) + "\n" for row in rows))

    # Acts

    def _scancel(self, words: Sequence[str]) -> Answer:
        for word in words:
            for element in self.named(word):
                self.cancel(element)
        return Answer()

    def _scontrol(self, words: Sequence[str]) -> Answer:
        verb, *rest = words
        if words[:2] == ["show", "config"]:
            return Answer(f"Configuration data as of 2026-01-01T00:00:00\nMaxArraySize            = {self.max_array}\n")
        acts = {"hold": self.hold, "release": self.release, "requeue": self.requeue}
        if verb not in acts:
            raise Refused(1, f"invalid keyword: {verb}\n")
        elements: list[FakeElement] = []
        for name in re.findall(r"\w+(?:\[[^]]*\])?", rest[0]):
            elements += self.named(name)
            if not self.named(name):
                raise Refused(1, f"Invalid job id specified for job {name}\n")
        over = [element.phase is Phase.ENDED for element in elements]
        for element in elements:
            acts[verb](element)
        said = "".join(map(_acted, elements, over))
        return Answer(err=said, code=1) if any(over) else Answer()

    def named(self, name: str) -> list[FakeElement]:
        """Find the elements of ``7``, ``7_3`` or ``7_[1,3-5]``."""
        number, _, index = name.partition("_")
        elements = self.jobs[number].elements if number in self.jobs else []
        chosen = _indices(index.strip("[]"))
        return [element for element in elements if not index or element.index in chosen]


def _directives(text: str) -> Iterator[str]:
    """Go through the words of the directives, which end with the first command."""
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            return
        if line.startswith("#SBATCH"):
            yield from split(line.removeprefix("#SBATCH"), comments=True)


def _options(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
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


def _indices(text: str) -> list[int]:
    """Read ``0-3,7``."""
    ends = [part.partition("-") for part in text.split(",") if part]
    return [index for low, _, high in ends for index in range(int(low), int(high or low) + 1)]


def _seconds(text: str) -> int:
    """Read a time as sbatch does; it counts in minutes."""
    days, dash, clock = text.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    if dash:
        hours, minutes, seconds = [*parts, 0, 0][:3]
    else:
        hours, minutes, seconds = parts if len(parts) == 3 else [0, *parts, 0][:3]
    passed = int(days or 0) * 86_400 + hours * 3600 + minutes * 60 + seconds
    return -(-passed // 60) * 60


def _warning(text: str) -> tuple[signal.Signals, float] | None:
    """Read ``B:USR1@60``. What is for steps only does not reach a script."""
    match = re.fullmatch(r"B:(?:SIG)?(\w+)@(\d+)", text)
    return (signal.Signals[f"SIG{match[1]}"], float(match[2])) if match else None


def _output(element: FakeElement) -> Path:
    job = element.job
    pattern = job.options.get("output", "slurm-%j.out" if element.index is None else "slurm-%A_%a.out")
    values = {"%": "%", "A": job.number, "a": str(element.index), "j": element.number, "x": job.name}
    return job.directory / re.sub("%(.)", lambda match: values.get(match[1], match[0]), pattern)


def _environ(element: FakeElement) -> dict[str, str]:
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


def _after(words: Sequence[str], option: str) -> str:
    return words[list(words).index(option) + 1]


def _name(element: FakeElement) -> str:
    return element.job.number if element.index is None else f"{element.job.number}_{element.index}"


def _acted(element: FakeElement, over: bool) -> str:
    """Say what scontrol does of an element, where it could not act on all."""
    if element.index is not None:
        return f"{_name(element)}: {'Job has already finished' if over else 'No error'}\n"
    finished = f"Job has already finished for job {_name(element)}\n" if over else ""
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


def _facts(element: FakeElement) -> dict[str, str]:
    code, signal_ = _status(element)
    return {
        "JobArrayID": _name(element),
        "State": _state(element),
        "exit_code": str(code << 8 | signal_),
        "RestartCnt": str(element.restarts),
        "Reason": _reason(element),
    }


def _accounted(element: FakeElement) -> list[dict[str, str]]:
    """Return what accounts say of a job, and of the step that is its script."""
    code, signal_ = _status(element)
    name, state, exit_code = _name(element), _state(element), f"{code}:{signal_}"
    by_whom = " by 0" if element.cause is Cause.CANCELLED else ""
    return [
        {"jobid": name, "state": state + by_whom, "exitcode": exit_code, "maxrss": "", "reqmem": "1000M"},
        {"jobid": f"{name}.batch", "state": state, "exitcode": exit_code, "maxrss": "1000K", "reqmem": ""},
    ]
