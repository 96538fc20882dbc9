"""Owns what the lines of sbatch mean: ``#SBATCH``, and ``#SLURM``, as some papers print it."""

from __future__ import annotations

import re
from datetime import timedelta

from typedxp.runner.scripts.dialect import Dialect, Reader, Taken, always, clock, integer, memory, number, text
from typedxp.schedulers.units import days_clock

_TEXTS = """
    qos reservation wckey constraint prefer nodelist exclude switches distribution cpu-freq hint gres gres-flags
    gpus-per-node gpus-per-socket gpus-per-task gpu-bind gpu-freq mem-bind licenses bb bbf network begin deadline
    delay-boot dependency priority signal open-mode export export-file propagate comment mail-type acctg-freq mcs-label
    partition account
""".split()  # noqa: SIM905 - a line for each would be longer than all the rest
_NUMBERS = """
    ntasks-per-node ntasks-per-core ntasks-per-socket ntasks-per-gpu mincpus sockets-per-node cores-per-socket
    threads-per-core core-spec thread-spec cpus-per-gpu
""".split()  # noqa: SIM905 - likewise
_FLAGS = """
    oversubscribe contiguous spread-job use-min-nodes overcommit hold no-kill reboot get-user-env
""".split()  # noqa: SIM905 - likewise
_SHORT = {
    "-A": "--account",
    "-b": "--begin",
    "-c": "--cpus-per-task",
    "-C": "--constraint",
    "-d": "--dependency",
    "-D": "--chdir",
    "-H": "--hold",
    "-J": "--job-name",
    "-k": "--no-kill",
    "-L": "--licenses",
    "-m": "--distribution",
    "-n": "--ntasks",
    "-N": "--nodes",
    "-O": "--overcommit",
    "-p": "--partition",
    "-q": "--qos",
    "-S": "--core-spec",
    "-s": "--oversubscribe",
    "-t": "--time",
    "-w": "--nodelist",
    "-x": "--exclude",
}
_DAYS = re.compile(r"(\d+)-(\d+)(?::(\d+))?(?::(\d+))?", re.ASCII)


def time(name: str) -> Reader:
    """Read ``M``, ``M:S``, ``H:M:S``, ``D-H``, ``D-H:M`` and ``D-H:M:S``."""

    def read(value: str) -> Taken:
        if not (match := _DAYS.fullmatch(value)):
            return clock(name)(value if ":" in value else f"{value}:0")
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        found = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return {name: days_clock(found)} if found else None

    return read


def _exclusive(value: str) -> Taken:
    return {"exclusive": value or True} if value in ("", "user", "mcs") else None


_LONG: dict[str, Reader] = {
    "--time": time("time"),
    "--time-min": time("time_min"),
    "--nodes": number("nodes"),
    "--ntasks": number("tasks"),
    "--cpus-per-task": number("cpus"),
    "--mem": memory("mem", "M"),
    "--mem-per-cpu": memory("mem_per_cpu", "M"),
    "--mem-per-gpu": memory("mem_per_gpu", "M"),
    "--tmp": memory("tmp", "M"),
    "--job-name": text("name"),
    "--mail-user": text("mail"),
    "--nice": integer("nice"),
    "--exclusive": _exclusive,
    "--requeue": always("requeue"),
    "--no-requeue": always("requeue", value=False),
    **{f"--{name}": text(name.replace("-", "_")) for name in _TEXTS},
    **{f"--{name}": number(name.replace("-", "_")) for name in _NUMBERS},
    **{f"--{name}": always(name.replace("-", "_")) for name in _FLAGS},
}
_BARE = {f"--{name}" for name in (*_FLAGS, "requeue", "no-requeue", "exclusive", "wait", "parsable", "test-only")}
_BARE |= {"--quiet", "--verbose", "--ignore-pbs", "-Q", "-v", "-W"}

SLURM = Dialect(
    scheduler="slurm",
    prefixes=("#SBATCH", "#SLURM"),
    reads=_LONG | {short: _LONG[name] for short, name in _SHORT.items() if name in _LONG},
    bare=frozenset(_BARE | {short for short, name in _SHORT.items() if name in _BARE}),
    left=frozenset(
        "--output -o --error -e --array -a --wait -W --parsable --test-only --quiet -Q --verbose -v --wrap".split()  # noqa: SIM905 - likewise
    ),
    place=frozenset({"--chdir", "-D"}),
    close=True,
    adds=frozenset({"--mail-type"}),
    home=("SLURM_SUBMIT_DIR",),
    needs={"mail_type": "mail", "time_min": "time"},
)
