"""Owns Slurm: sbatch, squeue, sacct, scancel, scontrol.

Sources: the manual pages sbatch(1), squeue(1), sacct(1), scancel(1) and scontrol(1) of Slurm 22.05.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from signal import SIGKILL
from time import monotonic, sleep
from typing import Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from typedxp.errors import ProfileError
from typedxp.schedulers.base import Scheduler, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Profile, Text, Writer, with_the_job
from typedxp.schedulers.shell import Command, Reply, Shell, batches, refused, spans, unreadable
from typedxp.schedulers.units import Memory, Walltime, days_clock, seconds, spell_memory
from typedxp.vocabulary.jobs import JobState, JobStatus


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# What Slurm tells a job, and what would overrule the lines of a script; but not SLURM_CONF, the way to the cluster.
_INHERITED = ("SBATCH_*", "SRUN_*", "SLURMD_*", "SLURM_[!C]*", "SLURM_C[!O]*", "SLURM_CO[!N]*", "SLURM_CON[!F]*")
# With a separator, for values may be of any length. exit_code is a raw wait status.
_COLUMNS = ("JobArrayID", "State", "exit_code", "RestartCnt", "Reason")
_SQUEUE = ("squeue", "-h", "-r", "-t", "all", "-O", ",".join(f"{column}:|" for column in _COLUMNS))
# Not the reason: that is why a job waited before it ran.
_SACCT = ("sacct", "-X", "-n", "-P", "-o", "jobid,state,exitcode")
_MEMORY = ("sacct", "-n", "-P", "-o", "jobid,state,maxrss,reqmem")
_ACCOUNTED_WITHIN = 4.0
# As in ``422964K``; older Slurms write ``100Mn``, for each node.
_SIZE = r"([\d.]+)([KMGTP])n?"
# What Slurm writes in the place of a signal, but is none: the launch failed, and there was no memory left.
_NO_SIGNALS = (53, 125)
# https://slurm.schedmd.com/job_reason_codes.html
_NEVER = _words(
    """
    AccountNotAllowed BadConstraints DependencyNeverSatisfied InvalidAccount InvalidQOS PartitionConfig
    PartitionNodeLimit PartitionTimeLimit QOSNotAllowed QOSTimeLimit
    """
)
_ENDS = _words(
    """
    BadConstraints DeadLine DependencyNeverSatisfied InactiveLimit JobLaunchFailure NodeDown NodeFail OutOfMemory
    SystemFailure TimeLimit
    """
)
_MAILS = {"begin": "BEGIN", "end": "END", "fail": "FAIL"}
_PLAIN = re.compile(r"[\w./%:,=+@~-]*", re.ASCII)


def _word(value: object) -> str:
    """Quote an option's value as sbatch reads its lines: in quotes, only a backslash and a quote mean something."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _as(option: str, field: str) -> Writer:
    """Write a field as an option with a value."""
    return lambda profile, _: f"--{option}={_word(getattr(profile, field))}"


def _same(field: str) -> Writer:
    return _as(field.replace("_", "-"), field)


def _flag(field: str) -> Writer:
    """Write a field that is true as an option without a value."""
    return lambda profile, _: f"--{field.replace('_', '-')}" if getattr(profile, field) else []


def _exclusive(profile: Any, _: Job) -> str | list[str]:
    if isinstance(profile.exclusive, str):
        return f"--exclusive={profile.exclusive}"
    return "--exclusive" if profile.exclusive else []


def _gpus(profile: Any, _: Job) -> str:
    return "--gres=" + _word(":".join(["gpu", *([profile.gpu_type] if profile.gpu_type else []), str(profile.gpus)]))


def _mails(profile: Any, _: Job) -> list[str]:
    about = profile.mail_type or ",".join(_MAILS[event] for event in profile.mail_on or ["end", "fail"])
    return [f"--mail-user={_word(profile.mail)}", f"--mail-type={_word(about)}"]


_VALUES = _words(
    """
    partition qos reservation wckey constraint prefer nodelist exclude switches ntasks_per_node ntasks_per_core
    ntasks_per_socket ntasks_per_gpu distribution mincpus sockets_per_node cores_per_socket threads_per_core
    core_spec thread_spec cpu_freq hint gres gres_flags gpus_per_node gpus_per_socket gpus_per_task gpu_bind
    gpu_freq cpus_per_gpu mem_bind licenses bb bbf network begin deadline delay_boot dependency priority nice signal
    open_mode export export_file propagate comment acctg_freq mcs_label power
    """
)
"""The fields that are options of the same name, with a value."""
_FLAGS = _words(
    """
    oversubscribe contiguous spread_job use_min_nodes overcommit hold no_kill reboot get_user_env
    """
)
"""The fields that are options of the same name, without one."""


class Slurm(Profile):
    """A profile for Slurm. What all schedulers share has the names of :class:`Profile`; the rest those of sbatch."""

    scheduler: Literal["slurm"] = "slurm"
    partition: Text | None = Field(default=None, description="--partition: Slurm's name of queue")
    qos: Text | None = Field(default=None, description="--qos: quality of service")
    reservation: Text | None = Field(default=None, description="--reservation")
    wckey: Text | None = Field(default=None, description="--wckey: workload characterization key")
    constraint: Text | None = Field(default=None, description="--constraint: features that nodes must have")
    prefer: Text | None = Field(default=None, description="--prefer: features that nodes should have")
    nodelist: Text | None = Field(default=None, description="--nodelist: these nodes, as in n[1-3]")
    exclude: Text | None = Field(default=None, description="--exclude: not these nodes")
    exclusive: bool | Literal["user", "mcs"] | None = Field(
        default=None, description="--exclusive: share nodes with nobody, or with one's own jobs only (user)"
    )
    oversubscribe: bool | None = Field(default=None, description="--oversubscribe: share nodes")
    contiguous: bool | None = Field(default=None, description="--contiguous: nodes that lie side by side")
    spread_job: bool | None = Field(default=None, description="--spread-job: over as many nodes as possible")
    use_min_nodes: bool | None = Field(default=None, description="--use-min-nodes: the fewest of a range of nodes")
    switches: Text | None = Field(default=None, description="--switches, as in 1@12:00:00")
    ntasks_per_node: PositiveInt | None = Field(default=None, description="--ntasks-per-node")
    ntasks_per_core: PositiveInt | None = Field(default=None, description="--ntasks-per-core")
    ntasks_per_socket: PositiveInt | None = Field(default=None, description="--ntasks-per-socket")
    ntasks_per_gpu: PositiveInt | None = Field(default=None, description="--ntasks-per-gpu; excludes tasks per node")
    distribution: Text | None = Field(default=None, description="--distribution of tasks, as in block:cyclic")
    mincpus: PositiveInt | None = Field(default=None, description="--mincpus of each node")
    sockets_per_node: PositiveInt | None = Field(default=None, description="--sockets-per-node")
    cores_per_socket: PositiveInt | None = Field(default=None, description="--cores-per-socket")
    threads_per_core: PositiveInt | None = Field(default=None, description="--threads-per-core")
    core_spec: NonNegativeInt | None = Field(default=None, description="--core-spec: cores for the system")
    thread_spec: PositiveInt | None = Field(default=None, description="--thread-spec: threads for the system")
    cpu_freq: Text | None = Field(default=None, description="--cpu-freq, as in Performance")
    overcommit: bool | None = Field(default=None, description="--overcommit: several tasks for each CPU")
    hint: Literal["compute_bound", "memory_bound", "multithread", "nomultithread"] | None = Field(
        default=None, description="--hint: how tasks use CPUs; excludes counts of tasks and threads per core"
    )
    gres: Text | None = Field(default=None, description="--gres, as in gpu:a100:2; excludes gpus")
    gres_flags: Literal["disable-binding", "enforce-binding"] | None = Field(default=None, description="--gres-flags")
    gpus_per_node: Text | None = Field(default=None, description="--gpus-per-node, as in a100:2; excludes gpus")
    gpus_per_socket: Text | None = Field(default=None, description="--gpus-per-socket, as in a100:2; excludes gpus")
    gpus_per_task: Text | None = Field(default=None, description="--gpus-per-task, as in a100:1; excludes gpus")
    gpu_bind: Text | None = Field(default=None, description="--gpu-bind, as in closest")
    gpu_freq: Text | None = Field(default=None, description="--gpu-freq, as in medium,memory=high")
    cpus_per_gpu: PositiveInt | None = Field(default=None, description="--cpus-per-gpu; excludes cpus")
    mem_per_gpu: Memory | None = Field(default=None, description="--mem-per-gpu; excludes mem and mem_per_cpu")
    mem_bind: Text | None = Field(default=None, description="--mem-bind, as in local")
    tmp: Memory | None = Field(default=None, description="--tmp: disk of each node")
    licenses: Text | None = Field(default=None, description="--licenses, as in matlab:2")
    bb: Text | None = Field(default=None, description="--bb: a burst buffer")
    bbf: Text | None = Field(default=None, description="--bbf: a file that specifies a burst buffer")
    network: Text | None = Field(default=None, description="--network")
    begin: Text | None = Field(default=None, description="--begin: not before, as in now+1hour")
    deadline: Text | None = Field(default=None, description="--deadline: remove the job if it cannot end before")
    time_min: Walltime | None = Field(default=None, description="--time-min: the time limit may be lowered to this")
    delay_boot: Text | None = Field(default=None, description="--delay-boot, in minutes")
    dependency: Text | None = Field(default=None, description="--dependency, as in singleton; excludes after")
    hold: bool | None = Field(default=None, description="--hold: start when released")
    priority: Text | None = Field(default=None, description="--priority: a number, or TOP")
    nice: int | None = Field(default=None, description="--nice: lower the priority")
    signal: Text | None = Field(default=None, description="--signal, as in B:USR1@120; warn writes it for you")
    no_kill: bool | None = Field(default=None, description="--no-kill: go on when a node fails")
    reboot: bool | None = Field(default=None, description="--reboot the nodes before")
    wait_all_nodes: bool | None = Field(default=None, description="--wait-all-nodes: start when all are up")
    open_mode: Literal["append", "truncate"] | None = Field(
        default=None, description="--open-mode of the output of a job that is requeued"
    )
    export: Text | None = Field(default=None, description="--export: which variables a job inherits, as in ALL,FOO=1")
    export_file: Text | None = Field(default=None, description="--export-file: a file of variables")
    get_user_env: bool | None = Field(default=None, description="--get-user-env: the variables of a login")
    propagate: Text | None = Field(default=None, description="--propagate: which resource limits a job inherits")
    comment: Text | None = Field(default=None, description="--comment")
    mail_type: Text | None = Field(default=None, description="--mail-type, as in TIME_LIMIT_80; excludes mail_on")
    acctg_freq: Text | None = Field(default=None, description="--acctg-freq, as in task=30")
    mcs_label: Text | None = Field(default=None, description="--mcs-label")
    power: Text | None = Field(default=None, description="--power")

    prefix: ClassVar[str] = "#SBATCH"
    lines: ClassVar[Mapping[str | tuple[str, ...], Writer]] = {
        "time": lambda p, _: f"--time={days_clock(p.time)}",
        "time_min": lambda p, _: f"--time-min={days_clock(p.time_min)}",
        "nodes": _same("nodes"),
        "tasks": _as("ntasks", "tasks"),
        "cpus": _as("cpus-per-task", "cpus"),
        "mem": lambda p, _: f"--mem={spell_memory(p.mem)}",
        "mem_per_cpu": lambda p, _: f"--mem-per-cpu={spell_memory(p.mem_per_cpu)}",
        "mem_per_gpu": lambda p, _: f"--mem-per-gpu={spell_memory(p.mem_per_gpu)}",
        "tmp": lambda p, _: f"--tmp={spell_memory(p.tmp)}",
        ("gpus", "gpu_type"): _gpus,
        "account": _same("account"),
        "queue": _as("partition", "queue"),
        "name": with_the_job,
        "parallel": with_the_job,
        # Else the job would stay in the queue for ever.
        "after": lambda p, _: [f"--dependency={_word('afterok:' + ':'.join(p.after))}", "--kill-on-invalid-dep=yes"],
        "requeue": lambda p, _: "--requeue" if p.requeue else "--no-requeue",
        # To the program itself, not to the steps that it may start.
        "warn": lambda p, _: f"--signal=B:USR1@{seconds(p.warn)}",
        ("mail", "mail_on", "mail_type"): _mails,
        "exclusive": _exclusive,
        **{field: _same(field) for field in _VALUES},
        **{field: _flag(field) for field in _FLAGS},
        "wait_all_nodes": lambda p, _: f"--wait-all-nodes={int(p.wait_all_nodes)}",
    }

    @model_validator(mode="after")
    def _slurm_fits_together(self) -> Slurm:
        self.at_most_one("gpus", "gres", "gpus_per_node", "gpus_per_socket", "gpus_per_task")
        self.at_most_one("mem", "mem_per_cpu", "mem_per_gpu")
        self.at_most_one("cpus", "cpus_per_gpu")
        self.at_most_one("ntasks_per_node", "ntasks_per_gpu")
        for field in ("ntasks_per_core", "threads_per_core", "cores_per_socket", "sockets_per_node"):
            self.at_most_one("hint", field)
        self.at_most_one("queue", "partition")
        self.at_most_one("warn", "signal")
        self.at_most_one("after", "dependency")
        self.at_most_one("mail_on", "mail_type")
        self.at_most_one("bb", "bbf")
        self.at_most_one("core_spec", "thread_spec")
        self.at_most_one("exclusive", "oversubscribe")
        self.need("mail_type", "mail")
        self.need("time_min", "time")
        return self


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
            f"--job-name={_word(profile.name or job.name)}",
            f"--output={_word(f'{directory}/{placeholder}.log')}",
        ]
        if job.count is not None:
            throttle = f"%{profile.parallel}" if profile.parallel is not None else ""
            options.append(f"--array=0-{job.count - 1}{throttle}")
        return options

    def output_file(self, element: str) -> str:
        """Name the file of an element."""
        return f"{element}.log"

    def submit_command(self, script: Path) -> Command:
        """Submit with an answer for programs."""
        return Command(("sbatch", "--parsable", str(script)), without=_INHERITED)

    def read_submitted(self, reply: Reply, count: int | None) -> Submitted:
        """Read ``id``, or ``id;cluster`` on a federation."""
        if reply.code != 0:
            raise refused(reply)
        job = reply.out.strip().partition(";")[0]
        if not job.isdigit():
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
            for name, evidence in self._exceeded(names, shell).items():
                words = f"{answer[name].reason}, {evidence}"
                starved[name] = replace(answer[name], state=JobState.OUT_OF_MEMORY, reason=words)
        return starved

    def _exceeded(self, names: Sequence[str], shell: Shell) -> dict[str, str]:
        """Ask how much memory jobs used, and how much they may; accounts come some seconds after the end."""
        patience = monotonic() + _ACCOUNTED_WITHIN
        while True:
            reply = shell(Command((*_MEMORY, "-j", ",".join(names))))
            rows = [row for line in reply.out.splitlines() if len(row := line.split("|")) == 4]
            asked = {job: memory for job, _, _, memory in rows if re.fullmatch(_SIZE, memory)}
            used = {
                step.partition(".")[0]: peak for step, native, peak, _ in rows if "." in step and native != "RUNNING"
            }
            known = [name for name in names if name in asked and name in used]
            if len(known) == len(names) or reply.code != 0 or monotonic() > patience:
                over = [name for name in known if _bytes(used[name]) > _bytes(asked[name])]
                return {name: f"used {used[name]} of {asked[name]}" for name in over}
            sleep(0.25)

    def _queue(self, reply: Reply) -> dict[str, JobStatus]:
        if reply.code != 0 and "Invalid job id" in reply.err:
            return {}
        if reply.code != 0:
            raise refused(reply)
        rows = [line.rstrip("|").split("|") for line in reply.out.splitlines()]
        if any(len(row) != len(_COLUMNS) or not row[2].isdigit() for row in rows):
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
        times = [f"restarted {restarts} times"] if restarts not in ("0", "") else []
        if not state.final:
            why = [reason] if reason != "None" else []
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


def _spread(rows: Mapping[str, JobStatus], jobs: Mapping[str, Sequence[str]]) -> dict[str, JobStatus]:
    """Find each element that is asked of: in a row of its own, or in the one of all that never came to have their own.

    The name of that row is the job's, as in ``7``, or has a list that may be cut off, as in ``7_[2-4,10-99]``.
    """
    rest = {name.partition("_")[0]: status for name, status in rows.items() if "_" not in name or "[" in name}
    found = {name: rows.get(name) or rest.get(job) for job, elements in jobs.items() for name in elements}
    return {name: status for name, status in found.items() if status is not None}


def _decoded(status: int) -> tuple[int, int]:
    """Part a wait status into exit code and signal."""
    signal = status & 0x7F
    return (0, signal) if signal else (status >> 8, 0)


def _bytes(text: str) -> float:
    match = re.fullmatch(_SIZE, text)
    return float(match[1]) * 1024 ** ("KMGTP".index(match[2]) + 1) if match else 0.0


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
