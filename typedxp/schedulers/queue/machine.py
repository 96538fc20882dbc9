"""Owns what the queue asks of the machine: its CPUs, its GPUs, and which processes are still there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress

from typedxp.errors import SchedulerError
from typedxp.schedulers.shell import Command, local_shell
from typedxp.vocabulary.processes import PROC

POOL = "TYPEDXP_LOCAL_GPU_IDS"
"""The environment variable that tells a job which GPUs its profile chose from: it may submit others."""


def cpus() -> int:
    """Count the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def gpu_ids(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES leaves, or else all that nvidia-smi lists."""
    told = environment.get(POOL, environment.get("CUDA_VISIBLE_DEVICES"))
    if told is None:
        return tuple(_nvidia_smi())
    ids = [word.strip() for word in told.split(",")]
    # CUDA itself ends the list at the first that is none.
    return tuple(ids[: next((at for at, word in enumerate(ids) if word in ("", "-1", "NoDevFiles")), len(ids))])


def same_words(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Call GPUs by their numbers, so that no two jobs get one of them by two names."""
    if not any(word.startswith("GPU-") for word in ids):
        return ids
    known = _nvidia_smi()
    return tuple(next((n for n, uuid in known.items() if uuid.startswith(word)), word) for word in ids)


def _nvidia_smi() -> dict[str, str]:
    """List the UUID of each GPU, by its number."""
    try:
        reply = local_shell(Command(("nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader")))
    except SchedulerError:
        return {}
    pairs = [line.split(", ") for line in reply.out.splitlines()] if reply.code == 0 else []
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}


def boot() -> str:
    """Return what tells one start of the machine from another; empty if the system does not say."""
    with suppress(OSError):
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return ""


def belonging(session: int | None, variable: str, value: str) -> Iterator[int]:
    """Yield the processes of a session, and all others that were started with a variable in their environment.

    None is for a session that has ended, whose number may be that of another one. Where there is no /proc, only the
    group of the session's first process is known; it is yielded as kill(2) has it.
    """
    if not (PROC / "self/stat").exists():
        if session is not None:
            with suppress(OSError):
                os.killpg(session, 0)
                yield -session
        return
    mark = os.fsencode(f"\0{variable}={value}\0")
    for place in PROC.glob("[0-9]*"):
        # Those that have just ended are not there, and the environment of others cannot be read.
        with suppress(OSError, IndexError):
            state, *fields = (place / "stat").read_text().rpartition(")")[2].split()
            if state not in "ZX" and (int(fields[2]) == session or mark in b"\0" + (place / "environ").read_bytes()):
                yield int(place.name)
