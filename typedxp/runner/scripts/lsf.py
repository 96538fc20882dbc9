"""Owns what the lines of bsub mean: ``#BSUB``."""

from __future__ import annotations

import re
from typing import Any

from typedxp.runner.scripts.dialect import Dialect, Taken, always, clock, number, text


def _requirement(value: str) -> Taken:
    return {"resources": [value]}


def _settle(values: dict[str, Any]) -> dict[str, Any]:
    """Read a section of ``-R`` as its field; what bsub puts together, as several of a kind, stays as it is."""
    lines = values.get("resources", [])
    sections = [re.fullmatch(r"(select|order|rusage|span)\[([^\[\]]+)\]", line) for line in lines]
    kinds = [section[1] for section in sections if section]
    alone = {line: section for line, section in zip(lines, sections, strict=True) if section}
    alone = {line: section for line, section in alone.items() if kinds.count(section[1]) == 1}
    rest = [line for line in lines if line not in alone]
    values = {key: value for key, value in values.items() if key != "resources"}
    fields = {section[1]: section[2] for section in alone.values()}
    return {**values, **fields, **({"resources": rest} if rest else {})}


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
    adds=frozenset({"-R"}),
    unclear=True,
    settle=_settle,
    home=("LS_SUBCWD",),
)
