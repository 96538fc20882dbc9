"""Owns what the lines of Grid Engine's qsub mean: ``#$``."""

from __future__ import annotations

import re
from typing import Any

from typedxp.runner.scripts.dialect import (
    Dialect,
    Taken,
    always,
    clock,
    integer,
    mails,
    many,
    memory,
    number,
    text,
    yes_no,
)

_MEMORY = ("h_vmem", "mem_free", "virtual_free", "s_vmem", "h_data", "mf")
"""Names that sites give to memory, those that are limits first."""


def _request(item: str) -> Taken:
    """Read ``-l name=value``."""
    name, _, value = item.partition("=")
    if name == "h_rt":
        return clock("time")(value)
    if name == "s_rt":
        return clock("s_rt")(value)
    sayable = re.fullmatch(r"[A-Za-z_][\w.-]*", name, re.ASCII) and re.fullmatch(r"""[^\s,"'#]+""", value)
    return {"resources": {name: value}} if sayable else None


def _as_it_is(_: str) -> Taken:
    """Read what holds for every job of ours."""
    return {}


def _soft(item: str) -> Taken:
    """Read ``-l name=value`` behind ``-soft``."""
    name, _, value = item.partition("=")
    return {"soft_resources": {name: value}} if value else None


def _environment(value: str) -> Taken:
    """Read ``-pe smp 4``: slots are CPUs."""
    match = re.fullmatch(r"(\S+) ([1-9]\d*)", value, re.ASCII)
    return {"parallel_environment": match[1], "cpus": int(match[2])} if match else None


def _settle(values: dict[str, Any]) -> dict[str, Any]:
    """Read the memory of slots as such: it can be raised."""
    resources = dict(values.get("resources", {}))
    for name in _MEMORY:
        taken = memory("mem_per_cpu")(resources.get(name, ""))
        if taken is not None:
            del resources[name]
            return {**values, **taken, "memory_resource": name, "resources": resources}
    return values


SGE = Dialect(
    scheduler="sge",
    prefixes=("#$",),
    reads={
        "-N": text("name"),
        "-A": text("account"),
        "-P": text("project"),
        "-q": text("queue"),
        "-pe": _environment,
        "-l": _request,
        "-p": integer("priority"),
        "-R": yes_no("reservation"),
        "-ar": number("advance_reservation"),
        "-a": text("begin"),
        "-dl": text("deadline"),
        "-ckpt": text("checkpointing"),
        "-c": text("checkpoint_when"),
        "-hold_jid": many("hold_jid"),
        "-hold_jid_ad": many("hold_jid_ad"),
        "-masterq": text("master_queue"),
        "-binding": text("binding"),
        "-js": integer("job_share"),
        "-w": text("validation"),
        "-V": always("export_environment"),
        "-r": yes_no("requeue"),
        "-notify": always("notify"),
        "-M": text("mail"),
        "-m": mails,
        "-tc": number("parallel"),
        **dict.fromkeys(("-cwd", "-j", "-S"), _as_it_is),
        "-soft -l": _soft,
        "-soft -q": lambda value: {"directives": [f"-soft -q {value} -hard"]},
    },
    style="words",
    bare=frozenset("-V -notify -cwd -hard -soft -terse -clear -verify -h".split()),  # noqa: SIM905 - as in the manual
    left=frozenset("-o -e -t -terse -sync -verify -b -i".split()),  # noqa: SIM905 - likewise
    place=frozenset({"-wd"}),
    everywhere=True,
    close=True,
    adds=frozenset({"-q", "-masterq", "-hold_jid", "-hold_jid_ad", "-M", "-m"}),
    home=("SGE_O_WORKDIR",),
    needs={"mail_on": "mail", "checkpoint_when": "checkpointing"},
    lists=frozenset({"-l"}),
    modes={"-soft": "-soft ", "-hard": ""},
    settle=_settle,
)
