"""Owns the question which runs of a store there are of some points of a sweep."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from typedxp.results.sources.store import read_store
from typedxp.vocabulary.records import RunStatus


@dataclass(frozen=True)
class PastRun:
    """What is known of a run that counts when a point is to be run once more.

    ``file`` is that of the experiment; ``tree`` and ``commit`` are of its code, ``dirty`` whether more than the commit
    was there. All of them are None where they are not known; ``code`` is whether anything is.
    """

    id: int
    status: RunStatus
    digest: str
    sweep: str
    file: str | None
    tree: str | None
    commit: str | None
    dirty: bool | None
    code: bool


_FACTS = ("status", "digest", "command", "experiment.file", "code.tree", "code.commit", "code.dirty", "code.branch")


def runs_of_points(store: Path, digests: Collection[str]) -> list[PastRun]:
    """Return the runs of a store that have one of these digests, in order of id; of 10,000 runs it opens few files.

    Raises:
        ResultsError: there is no such store.
    """
    table = read_store(store)
    fact = table.fact("digest")
    wanted = [place for place, value in enumerate(fact.values) if value in digests]
    chosen = table.take(np.flatnonzero(np.isin(fact.places, wanted)))
    columns = (chosen.fact(name).listed() for name in _FACTS)
    return [_past_run(*values) for values in zip(chosen.ids.tolist(), *columns, strict=True)]


def _past_run(number: int, status: str, digest: str, sweep: str, file: str | None, *code: Any) -> PastRun:
    known = any(fact is not None for fact in code)
    return PastRun(number, RunStatus(status), digest, sweep, file, code[0], code[1], code[2], known)
