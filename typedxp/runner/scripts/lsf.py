"""Owns what the lines of bsub mean: ``#BSUB``."""

from __future__ import annotations

import re

from typedxp.runner.scripts.dialect import Dialect, Taken, always, clock, number, text


def _requirement(value: str) -> Taken:
    """Read ``-R``: one section as its field, more of them as they are."""
    match = re.fullmatch(r"(select|order|rusage|span)\[([^\[\]]+)\]", value)
    return {match[1]: match[2]} if match else {"resources": [value]}


def _name(value: str) -> Taken:
    """Read ``name`` and ``name[1-10]%4``: what the array is, the sweep says."""
    name = value.partition("[")[0]
    return {"name": name} if name else {}


LSF = Dialect(
    scheduler="lsf",
    prefixes=("#BSUB",),
    reads={
        "-J": _name,
        "-W": clock("time", "m"),
        "-n": number("tasks"),
        "-q": text("queue"),
        "-P": text("account"),
        "-G": text("group"),
        "-m": text("hosts"),
        "-app": text("app"),
        "-U": text("reservation"),
        "-sp": number("priority"),
        "-gpu": text("gpu"),
        "-R": _requirement,
        "-x": always("exclusive"),
        "-r": always("requeue"),
    },
    style="words",
    bare=frozenset("-x -r -rn -B -N -Ne -I -Ip -Is -K -H -ti -ul".split()),  # noqa: SIM905 - as in the manual
    left=frozenset("-o -oo -e -eo -I -Ip -Is -K -i -is -L".split()),  # noqa: SIM905 - likewise
    place=frozenset({"-cwd"}),
    home=("LS_SUBCWD",),
)
