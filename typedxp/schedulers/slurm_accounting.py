"""Owns what Slurm's accounting says of the memory that jobs used."""

from __future__ import annotations

import re
from collections.abc import Sequence
from time import monotonic, sleep

from typedxp.schedulers.shell import Command, Shell

_MEMORY = ("sacct", "-n", "-P", "-o", "jobid,state,maxrss,reqmem")
_ACCOUNTED_WITHIN = 4.0
# As in ``422964K``; older Slurms write ``100Mn``, for each node.
_SIZE = r"([\d.]+)([KMGTP])n?"


def exceeded(names: Sequence[str], shell: Shell) -> dict[str, str]:
    """Ask how much memory jobs used, and how much they may; accounts come some seconds after the end.

    Returns the evidence of those that used more, by name.
    """
    patience = monotonic() + _ACCOUNTED_WITHIN
    while True:
        reply = shell(Command((*_MEMORY, "-j", ",".join(names))))
        known = {name: told for name, told in _accounts(reply.out).items() if name in names}
        if len(known) == len(names) or reply.code != 0 or monotonic() > patience:
            # Of a job that may use what there is, no size is told.
            over = {name: (used, most) for name, (used, most) in known.items() if _bytes(used) > _bytes(most) > 0}
            return {name: f"used {used} of {most}" for name, (used, most) in over.items()}
        sleep(0.25)


def _accounts(text: str) -> dict[str, tuple[str, str]]:
    """Read what each job used, in the step that used most, and what it may; without those that are not accounted."""
    rows = [row for line in text.splitlines() if len(row := line.split("|")) == 4]
    most = {job: memory for job, _, _, memory in rows if "." not in job and not memory.endswith("?")}
    used: dict[str, str] = {}
    for step, _, peak, _ in rows:
        job, dot, _ = step.partition(".")
        if dot and _bytes(peak) >= _bytes(used.get(job, "")):
            used[job] = peak
    running = {step.partition(".")[0] for step, native, _, _ in rows if "." in step and native == "RUNNING"}
    return {job: (used[job], most[job]) for job in used.keys() & most.keys() - running}


def _bytes(text: str) -> float:
    match = re.fullmatch(_SIZE, text)
    return float(match[1]) * 1024 ** ("KMGTP".index(match[2]) + 1) if match else 0.0
