"""Owns what the lines of oarsub mean: ``#OAR``, one option each, without quotes."""

from __future__ import annotations

import re

from typedxp.runner.scripts.dialect import Dialect, Taken, clock, number, text

_TYPES = ("besteffort", "idempotent")


def _resources(value: str) -> Taken:
    """Read ``host=1/core=2, walltime=00:30:00``."""
    parts = [part.strip() for part in value.split(",")]
    times = [part.removeprefix("walltime=") for part in parts if part.startswith("walltime=")]
    asked = ",".join(part for part in parts if part and not part.startswith("walltime="))
    time = clock("time", "h")(times[0]) if len(times) == 1 else {}
    if time is None or len(times) > 1 or "walltime" in asked:
        return None
    return {**({"resources": [asked]} if asked else {}), **time} or None


def _type(value: str) -> Taken:
    name, _, number_of = value.partition("=")
    if name in _TYPES and not number_of:
        return {name: True}
    return {"inner": int(number_of)} if name == "inner" and number_of.isdigit() else {"types": [value]}


def _anterior(value: str) -> Taken:
    return {"anterior": [int(value)]} if re.fullmatch(r"[1-9]\d*", value, re.ASCII) else None


_READS = {
    "--resource": _resources,
    "--property": text("properties"),
    "--queue": text("queue"),
    "--type": _type,
    "--name": text("name"),
    "--project": text("project"),
    "--checkpoint": lambda value: clock("checkpoint")(value) if value.isdigit() else None,
    "--signal": number("signal"),
    "--anterior": _anterior,
    "--notify": text("notify"),
}
_SHORT = {
    "-l": "--resource",
    "-p": "--property",
    "-q": "--queue",
    "-t": "--type",
    "-n": "--name",
    "-a": "--anterior",
}

OAR = Dialect(
    scheduler="oar",
    prefixes=("#OAR",),
    reads=_READS | {short: _READS[name] for short, name in _SHORT.items()},
    style="line",
    left=frozenset({"-O", "--stdout", "-E", "--stderr", "--array", "--array-param-file"}),
    place=frozenset({"-d", "--directory"}),
    everywhere=True,
    home=("OAR_WORKDIR", "OAR_WORKING_DIRECTORY", "OAR_O_WORKDIR"),
    adds=frozenset({"-l", "--resource", "-t", "--type", "-a", "--anterior"}),
    needs={"checkpoint": "time", "signal": "checkpoint"},
)
