"""Owns what the lines of qsub and msub mean in PBS, TORQUE and Moab."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from typedxp.runner.scripts.dialect import Dialect, Reader, Taken, clock, integer, mails, memory, number, text, yes_no

_LEFT = frozenset({"-o", "-e", "-J", "-t", "-I", "-X", "-z", "-k", "-E"})
_BARE = frozenset({"-V", "-h", "-I", "-X", "-z", "-f", "-E"})
_TIME = clock("time")
_CHUNK: Mapping[str, Reader] = {"ncpus": number("cpus"), "mem": memory("mem"), "ngpus": number("gpus")}
"""What of one node can be said by portable fields, and so can be raised when it runs out."""


def _listed(read: Callable[[str, str], Taken]) -> Reader:
    """Read ``-l name=value``."""

    def one(item: str) -> Taken:
        name, _, value = item.partition("=")
        return _TIME(value) if name == "walltime" else read(name, value) if value else None

    return one


def _resource(name: str, value: str) -> Taken:
    return {"resources": {name: value}} if re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) else None


def _chunk(parts: Mapping[str, str]) -> Taken:
    taken = [_CHUNK[name](value) for name, value in parts.items()]
    return None if None in taken else {key: item for each in taken if each is not None for key, item in each.items()}


def _pbs(name: str, value: str) -> Taken:
    if name == "select":
        count, *parts = value.split(":")
        names = dict(part.partition("=")[::2] for part in parts)
        alike = _chunk(names) if count == "1" and names and set(names) <= set(_CHUNK) else None
        return alike or {"select": value}
    if name == "place":
        return {"place": value}
    return None if name == "nodes" else _resource(name, value)


def _pbs_settle(values: dict[str, Any]) -> dict[str, Any]:
    """Read resources of the job as those of its only chunk, as qsub does where there is no select."""
    resources = values.get("resources", {})
    job = {name: value for name, value in resources.items() if name in _CHUNK}
    chunk = _chunk(job) if job and "select" not in values else None
    if not chunk or values.keys() & chunk.keys():
        return values
    rest = {name: value for name, value in resources.items() if name not in _CHUNK}
    values = {key: value for key, value in values.items() if key != "resources"}
    return {**values, **chunk, **({"resources": rest} if rest else {})}


def _torque(name: str, value: str) -> Taken:
    if name == "nodes":
        match = re.fullmatch(r"1:ppn=([1-9]\d*)", value, re.ASCII)
        return {"cpus": int(match[1])} if match else {"node_spec": value}
    if name in ("pmem", "vmem", "pvmem"):
        return memory(name)(value)
    return None if name in ("select", "place") else _resource(name, value)


def _torque_settle(values: dict[str, Any]) -> dict[str, Any]:
    """Read the memory of a job on one node as that of the node."""
    resources = dict(values.get("resources", {}))
    taken = memory("mem")(resources.get("mem", "")) if "node_spec" not in values else None
    if taken is None:
        return values
    del resources["mem"]
    values = {key: value for key, value in values.items() if key != "resources"}
    return {**values, **taken, **({"resources": resources} if resources else {})}


def _moab(name: str, value: str) -> Taken:
    if name == "nodes":
        match = re.fullmatch(r"([1-9]\d*)(?::ppn=([1-9]\d*))?", value, re.ASCII)
        if not match:
            return None
        return {"nodes": int(match[1]), **({"tasks": int(match[1]) * int(match[2])} if match[2] else {})}
    if name in ("vmem", "pvmem", "pmem"):
        return memory({"pmem": "mem_per_cpu"}.get(name, name))(value)
    if name == "flags":
        return {"flags": [value]}
    return {name: value} if name in ("qos", "feature", "partition", "gres", "advres", "naccesspolicy") else None


def _direct(value: str) -> Taken:
    return {"direct_write": True} if value == "doe" else None


_COMMON: Mapping[str, Reader] = {
    "-N": text("name"),
    "-A": text("account"),
    "-q": text("queue"),
    "-p": integer("priority"),
    "-r": yes_no("requeue"),
    "-M": text("mail"),
    "-m": mails,
    # What holds for every job of ours.
    **dict.fromkeys(("-j", "-S"), lambda _: {}),
}

PBS = Dialect(
    scheduler="pbs",
    prefixes=("#PBS",),
    reads={**_COMMON, "-a": text("begin"), "-P": text("project"), "-k": _direct, "-l": _listed(_pbs)},
    bare=_BARE,
    left=_LEFT - {"-t"},
    close=True,
    loose=True,
    # As qsub does it: of resources, and of nothing else.
    first=frozenset({"-l"}),
    home=("PBS_O_WORKDIR",),
    needs={"mail_on": "mail"},
    lists=frozenset({"-l"}),
    settle=_pbs_settle,
)
TORQUE = Dialect(
    scheduler="torque",
    prefixes=("#PBS",),
    reads={**_COMMON, "-a": text("begin"), "-K": clock("kill_delay"), "-l": _listed(_torque)},
    bare=_BARE,
    left=_LEFT,
    place=frozenset({"-d", "-w"}),
    close=True,
    loose=True,
    home=("PBS_O_WORKDIR",),
    needs={"mail_on": "mail"},
    lists=frozenset({"-l"}),
    settle=_torque_settle,
)
MOAB = Dialect(
    scheduler="moab",
    prefixes=("#MSUB",),
    reads={**_COMMON, "-l": _listed(_moab)},
    bare=_BARE,
    left=_LEFT,
    place=frozenset({"-d", "-w"}),
    unclear=True,
    home=("PBS_O_WORKDIR", "MOAB_SUBMITDIR"),
    needs={"mail_on": "mail"},
    lists=frozenset({"-l"}),
)
