"""Owns what the dispatcher remembers of a job that has not ended."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from typedxp.schedulers.queue.choosing import Demand, Usage
from typedxp.schedulers.queue.words import QueuedJob, Record, Word


class Tracked:
    """A job, and where its elements stand: the queued ones in the order in which they start."""

    def __init__(self, job: QueuedJob, records: dict[str, Record]) -> None:
        """Remember a job and its records."""
        self.job = job
        self.records = records
        self.after = set(job.options.after)
        self._places = {name: place for place, name in enumerate(job.names)}
        self.running = {name for name, record in records.items() if record.word is Word.RUNNING}
        self._open = {name for name, record in records.items() if not record.word.final}
        self.waiting = [name for name, record in records.items() if record.word is Word.QUEUED]

    @property
    def ended(self) -> bool:
        """Whether all elements have ended."""
        return not self._open

    @property
    def demand(self) -> Demand:
        """What its queued elements wait for."""
        options = self.job.options
        return Demand(
            self.job.id,
            len(self.waiting),
            len(self.running),
            options.slots,
            options.parallel,
            options.cpus,
            options.gpus or 0,
            options.gpu_ids,
        )

    def waiting_or_held(self) -> list[str]:
        """Name what has neither ended nor runs."""
        return [name for name in self._open if name not in self.running]

    def put(self, name: str, record: Record) -> None:
        """Remember where an element stands now."""
        before, self.records[name] = self.records[name].word, record
        if record.word is before:
            return
        if before is Word.QUEUED:
            self.waiting.remove(name)
        if record.word is Word.QUEUED:
            insort(self.waiting, name, key=self._places.__getitem__)
        (self.running.add if record.word is Word.RUNNING else self.running.discard)(name)
        if record.word.final:
            self._open.discard(name)


def usage_of(jobs: Iterable[Tracked]) -> Usage:
    """Count what the running elements of some jobs use."""
    usage = Usage()
    for tracked in jobs:
        for name in tracked.running:
            usage.take(tracked.job.options.cpus, tracked.records[name].gpus)
    return usage
