"""Owns which elements may start now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Demand:
    """What one job waits for: ``waiting`` elements are queued, and ``running`` of it run already.

    No more than ``slots`` elements of all jobs may run when one of this starts. ``cpus`` and ``gpus`` are those of one
    element; None for ``cpus`` counts as one, and waits for none.
    """

    job: int
    waiting: int
    running: int
    slots: int
    parallel: int | None = None
    cpus: int | None = None
    gpus: int = 0
    gpu_ids: tuple[str, ...] = ()


@dataclass
class Usage:
    """What is in use, by all jobs."""

    running: int = 0
    cpus: int = 0
    gpus: set[str] = field(default_factory=set)

    def take(self, cpus: int | None, gpus: Iterable[str]) -> None:
        """Count one more element."""
        self.running += 1
        self.cpus += cpus or 1
        self.gpus.update(gpus)


def choose(demands: Iterable[Demand], usage: Usage, cpus: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the job of each element that may start, in their order, with the GPUs that it gets; count it in ``usage``.

    Jobs come in their order. One that waits for slots or CPUs is not overtaken, or it might wait for ever; one that
    waits for GPUs is overtaken by those that need none of these. ``cpus`` is the number of CPUs of the machine.
    """
    waited_for: set[str] = set()
    for demand in demands:
        room = demand.waiting if demand.parallel is None else min(demand.waiting, demand.parallel - demand.running)
        for _ in range(room):
            free = [gpu for gpu in demand.gpu_ids if gpu not in usage.gpus and gpu not in waited_for]
            if len(free) < demand.gpus:
                waited_for.update(demand.gpu_ids)
                break
            if usage.running >= demand.slots or (demand.cpus is not None and usage.cpus + demand.cpus > cpus):
                return
            gpus = tuple(free[: demand.gpus])
            usage.take(demand.cpus, gpus)
            yield demand.job, gpus
