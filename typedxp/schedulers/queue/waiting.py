"""Owns why an element waits, in the words that are shown to whoever asks. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from typedxp.schedulers.queue.choosing import Demand, Usage, choose
from typedxp.schedulers.queue.tracked import Tracked, usage_of


def why_waiting(jobs: Mapping[int, Tracked], ended: Callable[[int], bool], cpus: int) -> dict[str, str]:
    """Say of each element that is queued why it does not start; of one that is about to, nothing.

    ``jobs`` are all that have not ended, in their order, and ``ended`` tells it of the others. ``cpus`` is the number
    of CPUs of the machine.
    """
    before = {number: next((each for each in job.after if not ended(each)), None) for number, job in jobs.items()}
    usage = usage_of(jobs.values())
    demands = {number: job.demand for number, job in jobs.items() if before[number] is None and job.waiting}
    starting = Counter(number for number, _ in choose(demands.values(), usage, cpus))
    found: dict[str, str] = {}
    ahead = 0
    for number, job in jobs.items():
        first = before[number]
        if first is not None:
            found |= dict.fromkeys(job.waiting, f"runs after job {first}")
        elif number in demands:
            now = replace(demands[number], running=len(job.running) + starting[number])
            found |= dict(_placed(job.waiting[starting[number] :], _lacking(now, usage, cpus), ahead))
            ahead += len(job.waiting) - starting[number]
    return found


def _placed(names: list[str], lacking: str, ahead: int) -> Iterator[tuple[str, str]]:
    for place, name in enumerate(names, ahead):
        yield name, f"{lacking}, {place} ahead" if place else lacking


def _lacking(demand: Demand, usage: Usage, cpus: int) -> str:
    """Say what the next element of a job lacks, as :func:`choose` looks at it."""
    if demand.parallel is not None and demand.running >= demand.parallel:
        return f"{demand.running} of its job run already: parallel={demand.parallel}"
    if sum(gpu not in usage.gpus for gpu in demand.gpu_ids) < demand.gpus:
        return f"waits for {demand.gpus} of the GPUs {', '.join(demand.gpu_ids)}"
    if usage.running >= demand.slots:
        return f"waits for a place: {usage.running} run already, slots={demand.slots}"
    if demand.cpus is not None and usage.cpus + demand.cpus > cpus:
        return f"waits for {demand.cpus} of {cpus} CPUs: {usage.cpus} are taken"
    return "waits for its turn"
