"""Owns what differs between commands: the keys that none of them swept, and that have several values all the same."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

from typedxp.results.labels import Identity, identity
from typedxp.results.runs import StoredRun
from typedxp.vocabulary.tree import ABSENT


class Commands:
    """Runs, by the command that launched them.

    What a command did not sweep is the same in all its runs, so that the configs of its first and its last run stand
    for the others. What differs between these two is made by each run: from what was swept, or anew, as times are.
    """

    def __init__(self, runs: Iterable[StoredRun]) -> None:
        self._ends: dict[str, tuple[StoredRun, ...]] = {}
        for run in runs:
            first = self._ends.get(run.record.sweep, ())[:1]
            self._ends[run.record.sweep] = (*first, run)
        self._shared: dict[tuple[str, str], bool] = {}

    def value(self, run: StoredRun, key: str) -> Any:
        """Return the value of a run at a key, None where there is none; few configs are read."""
        known = key in run.record.point or key in run.record.choices
        source = self._ends[run.record.sweep][0] if not known and self._shares(run, key) else run
        value = source.value(key)
        return None if value is ABSENT else value

    def varied_keys(self, swept: Sequence[str]) -> tuple[str, ...]:
        """Return the keys besides the ``swept`` ones that have different values in different commands.

        Such are those of ``lr=0.1`` and later ``lr=0.01``: ``lr`` is not swept by either, and by both together. Keys
        below a config group belong to its option: they count where they differ between runs of the same option. Keys
        that differ between the runs of one command do not count.
        """
        if len(self._ends) < 2:
            return ()
        samples = [run for ends in self._ends.values() for run in ends]
        keys = dict.fromkeys(key for run in samples for key in (*run.record.choices, *_leaves(run.config, swept)))
        known = {*keys, *swept}
        varied = (key for key in keys if key not in swept and _differs(samples, key, known))
        return tuple(key for key in varied if not any(_differs(ends, key, known) for ends in self._ends.values()))

    def _shares(self, run: StoredRun, key: str) -> bool:
        place = run.record.sweep, key
        if place not in self._shared:
            ends = self._ends[run.record.sweep]
            option = any(above in run.record.point for above in _above(key))
            self._shared[place] = not option and len({identity(end.value(key)) for end in ends}) == 1
        return self._shared[place]


def _differs(runs: Sequence[StoredRun], key: str, known: Container[str]) -> bool:
    """Tell whether two runs have different values at a key, and the same ones at all known keys above it."""
    above = [name for name in _above(key) if name in known]
    first: dict[tuple[Identity, ...], Identity] = {}
    for run in runs:
        value = run.value(key)
        if value is not ABSENT:
            found = identity(value)
            if found != first.setdefault(tuple(identity(run.value(name)) for name in above), found):
                return True
    return False


def _above(key: str) -> Iterator[str]:
    parts = key.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts)))


def _leaves(tree: Any, swept: Sequence[str], prefix: str = "") -> Iterator[str]:
    """Yield the key of every value; a list is one value, unless something in it was swept."""
    for name, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        key = f"{prefix}{name}"
        if isinstance(value, dict) or (isinstance(value, list) and any(of.startswith(f"{key}.") for of in swept)):
            yield from _leaves(value, swept, f"{key}.")
        else:
            yield key
