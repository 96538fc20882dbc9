"""Owns what runs were given: the value at a key, and which keys differ between commands that did not sweep them."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from typedxp.results.layout.labels import Identity, identity
from typedxp.results.runs.table import Fact, Table
from typedxp.results.runs.tabulate import CHOICE, COMMAND, POINT
from typedxp.vocabulary.tree import ABSENT, get, split

Load = Callable[[int], dict[str, Any]]
"""Reads the config of a run, by its id."""


_MOST_SAMPLES = 500
"""As many configs are read in a fraction of a second: of a random search, each run has values of its own."""


class Commands:
    """The runs of a table, by the command that launched them.

    What a command did not sweep is the same in all its runs, so that the configs of its first and its last run stand
    for the others. What differs between these two is made by each run: from what was swept, or anew, as times are.
    """

    def __init__(self, table: Table, load: Load) -> None:
        self.table = table
        self._load = load
        self._configs: dict[int, dict[str, Any]] = {}
        self._known: dict[str, tuple[Fact, ...]] = {}

    @cached_property
    def ends(self) -> tuple[tuple[int, int], ...]:
        """The places of the first and the last run of each command."""
        places = self.table.fact(COMMAND).places
        firsts = np.unique(places, return_index=True)[1]
        lasts = len(places) - 1 - np.unique(places[::-1], return_index=True)[1]
        return tuple(sorted(zip(firsts.tolist(), lasts.tolist(), strict=True)))

    @cached_property
    def swept(self) -> tuple[str, ...]:
        """Every key that some run swept, in the order of the sweeps."""
        return tuple(name.removeprefix(POINT) for name in self.table.facts if name.startswith(POINT))

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Every key of the configs; those of a group's options, where some command has chosen them."""
        leaves = (key for first, _ in self.ends for key in _leaves(self.config(first), self.swept))
        return tuple(dict.fromkeys([*self.swept, *self._groups, *leaves]))

    @cached_property
    def told_by(self) -> tuple[str, ...]:
        """The keys that tell the runs from one another: those that some run swept, and those that vary."""
        return (*self.swept, *self.varied())

    def config(self, run: int) -> dict[str, Any]:
        """Return the config of a run, read once."""
        if run not in self._configs:
            self._configs[run] = self._load(int(self.table.ids[run]))
        return self._configs[run]

    def value(self, run: int, key: str) -> Any:
        """Return what a run was given at a key, or ABSENT; the value of a config group is the name of its option."""
        for fact in self._said(key):
            if (value := fact[run]) is not ABSENT:
                return value
        return get(self.config(run), split(key), ABSENT)

    def fact(self, key: str, *, thorough: bool = False) -> Fact:
        """Return what each run was given at a key; few configs are read.

        A ``thorough`` look reads more of them, to find out what follows from what was swept: what a validator made of
        it. Of each command one run for every value of a swept key is looked at.
        """
        said = self._said(key)
        if said and said[0].present.all():
            return said[0]
        values: list[Any] = [ABSENT] * len(self.table)
        for fact in reversed(said):
            values = [old if new is ABSENT else new for old, new in zip(values, fact, strict=True)]
        silent = [run for run, value in enumerate(values) if value is ABSENT]
        shared = self._shared(key, silent, thorough=thorough)
        commands = self.table.fact(COMMAND).places
        for run in silent:
            command = int(commands[run])
            values[run] = shared[command] if command in shared else self.value(run, key)
        return Fact.of(values)

    def varied(self) -> tuple[str, ...]:
        """Return the keys besides the swept ones that have different values in different commands.

        Such are those of ``lr=0.1`` and later ``lr=0.01``: ``lr`` is not swept by either, and by both together. Keys
        below a config group belong to its option: they count where they differ between runs of the same option. Keys
        that differ between the runs of one command do not count.
        """
        if len(self.ends) < 2:
            return ()
        samples = list(dict.fromkeys(run for ends in self.ends for run in ends))
        leaves = (key for run in samples for key in _leaves(self.config(run), self.swept))
        keys = dict.fromkeys([*self._groups, *leaves])
        known = {*keys, *self.swept}
        varied = (key for key in keys if key not in self.swept and self._differs(samples, key, known))
        return tuple(key for key in varied if not any(self._differs(ends, key, known) for ends in self.ends))

    @cached_property
    def _groups(self) -> tuple[str, ...]:
        return tuple(name.removeprefix(CHOICE) for name in self.table.facts if name.startswith(CHOICE))

    def _said(self, key: str) -> tuple[Fact, ...]:
        if key not in self._known:
            names = (POINT + key, CHOICE + key)
            self._known[key] = tuple(self.table.facts[name] for name in names if name in self.table.facts)
        return self._known[key]

    def _shared(self, key: str, runs: Iterable[int], *, thorough: bool) -> dict[int, Any]:
        """Return the values at a key that all runs of a command share, for the commands of these runs."""
        commands = self.table.fact(COMMAND).places
        asked = {int(commands[run]) for run in runs}
        shared = {}
        for ends in self.ends:
            command = int(commands[ends[0]])
            option = any(POINT + above in self.table.facts for above in _above(key))
            if command in asked and not (option and self._swept_above(ends[0], key)):
                samples = self._samples[command] if thorough else ends
                values = {identity(value): value for value in (self.value(run, key) for run in samples)}
                if len(values) == 1:
                    shared[command] = next(iter(values.values()))
        return shared

    @cached_property
    def _samples(self) -> dict[int, list[int]]:
        """The places of runs that stand for the others of a command: both ends, and one for each swept value."""
        commands = self.table.fact(COMMAND).places
        samples = {int(commands[first]): [first, last] for first, last in self.ends}
        for key in self.swept:
            places = self.table.facts[POINT + key].places
            pairs = commands * (places.max(initial=0) + 2) + places
            for run in np.unique(pairs, return_index=True)[1].tolist():
                samples[int(commands[run])].append(run)
        return {command: sorted(set(runs))[:_MOST_SAMPLES] for command, runs in samples.items()}

    def _swept_above(self, run: int, key: str) -> bool:
        return any(self.table.fact(POINT + above)[run] is not ABSENT for above in _above(key))

    def _differs(self, runs: Sequence[int], key: str, known: Container[str]) -> bool:
        """Tell whether two runs have different values at a key, and the same ones at all known keys above it."""
        above = [name for name in _above(key) if name in known]
        first: dict[tuple[Identity, ...], Identity] = {}
        for run in runs:
            value = self.value(run, key)
            if value is not ABSENT:
                found = identity(value)
                if found != first.setdefault(tuple(identity(self.value(run, name)) for name in above), found):
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
