"""Owns the profile of Slurm: its fields, and how they are written as options of sbatch.

Source: the manual page sbatch(1) of Slurm 22.05.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Profile, Text, Writer, with_the_job
from typedxp.schedulers.units import Memory, Walltime, days_clock, seconds, spell_memory


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_MAILS = {"begin": "BEGIN", "end": "END", "fail": "FAIL"}
_PLAIN = re.compile(r"[\w./%:,=+@~-]*", re.ASCII)


def word(value: object) -> str:
    """Quote an option's value as sbatch reads its lines: in quotes, only a backslash and a quote mean something."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _as(option: str, field: str) -> Writer:
    """Write a field as an option with a value."""
    return lambda profile, _: f"--{option}={word(getattr(profile, field))}"


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
    return "--gres=" + word(":".join(["gpu", *([profile.gpu_type] if profile.gpu_type else []), str(profile.gpus)]))


def _mails(profile: Any, _: Job) -> list[str]:
    about = profile.mail_type or ",".join(_MAILS[event] for event in profile.mail_on or ["end", "fail"])
    return [f"--mail-user={word(profile.mail)}", f"--mail-type={word(about)}"]


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
        "after": lambda p, _: [f"--dependency={word('afterok:' + ':'.join(p.after))}", "--kill-on-invalid-dep=yes"],
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
