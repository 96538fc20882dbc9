"""Owns what is known of many runs: a table with a column for every fact, in few objects however many runs there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from typedxp.vocabulary.tree import ABSENT

Ints = np.ndarray[Any, np.dtype[np.int64]]

NO_PLACE = -1
"""The place of a value that is not there."""


@dataclass(frozen=True)
class Fact:
    """One fact of many runs: the different ``values``, and for each run the place of its value among them, or -1."""

    values: tuple[Any, ...]
    places: Ints

    @classmethod
    def of(cls, values: Iterable[Any]) -> Fact:
        """Make it of one value for each run, which is ABSENT where the run has none."""
        known: dict[Any, int] = {}
        different: list[Any] = []
        places = []
        for value in values:
            if value is ABSENT:
                places.append(NO_PLACE)
                continue
            key = exactly(value)
            place = known.setdefault(key, len(different))
            if place == len(different):
                different.append(value)
            places.append(place)
        return cls(tuple(different), np.array(places, np.int64))

    @classmethod
    def absent(cls, runs: int) -> Fact:
        """Make the fact that none of the runs has."""
        return cls((), np.full(runs, NO_PLACE, np.int64))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, run: int) -> Any:
        """Return the value of a run, or ABSENT."""
        place = self.places[run]
        return self.values[place] if place >= 0 else ABSENT

    def __iter__(self) -> Iterator[Any]:
        # Place -1 is the last one.
        return map([*self.values, ABSENT].__getitem__, self.places.tolist())

    def listed(self, absent: Any = None) -> list[Any]:
        """Return the value of each run, ``absent`` where it has none."""
        return list(map([*self.values, absent].__getitem__, self.places.tolist()))

    def take(self, runs: Ints) -> Fact:
        """Return the same of some runs, in this order."""
        return Fact(self.values, self.places[runs])

    @property
    def present(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether each run has a value."""
        return self.places >= 0

    def compact(self) -> Fact:
        """Return the same with only the values that some run has, in the order of the runs."""
        found, first, places = np.unique(self.places, return_index=True, return_inverse=True)
        kept = np.flatnonzero(found >= 0)
        kept = kept[np.argsort(first[kept])]
        renumbered = np.full(len(found), NO_PLACE, np.int64)
        renumbered[kept] = np.arange(len(kept))
        return Fact(tuple(self.values[place] for place in found[kept].tolist()), renumbered[places])

    @property
    def used(self) -> tuple[Any, ...]:
        """The values that some run has, in the order of the runs."""
        return self.compact().values

    @property
    def newest_first(self) -> tuple[Any, ...]:
        """The values that some run has, in the opposite order of the runs."""
        return Fact(self.values, self.places[::-1]).used

    def mapped(self, values: Iterable[Any]) -> Fact:
        """Return the fact with other values in place of its own, in the same order; ABSENT takes one away."""
        made = Fact.of(values)
        return Fact(made.values, np.append(made.places, NO_PLACE)[self.places])


@dataclass(frozen=True)
class Streamed:
    """What is known of one stream of many runs: of each the number of records and of bytes, -1 where it has none.

    ``files`` are the paths below the directories of the runs. ``columns`` say of each column its kinds, whether each
    record has it, and the sizes of its arrays; ``steps`` are the values of the key that counts them, if it is known.
    """

    files: Fact
    records: Ints
    bytes: Ints
    columns: Fact
    steps: Fact

    @classmethod
    def absent(cls, runs: int) -> Streamed:
        """Make the stream that none of the runs has."""
        nothing = np.full(runs, NO_PLACE, np.int64)
        return cls(Fact.absent(runs), nothing, nothing, Fact.absent(runs), Fact.absent(runs))

    def take(self, runs: Ints) -> Streamed:
        """Return the same of some runs, in this order."""
        return Streamed(
            self.files.take(runs), self.records[runs], self.bytes[runs], self.columns.take(runs), self.steps.take(runs)
        )


@dataclass(frozen=True)
class Table:
    """Many runs: their ids, in order, and their facts and streams by name.

    ``stamps`` change whenever a run does; one is 0 while a run may still change.
    """

    ids: Ints
    stamps: Ints
    facts: Mapping[str, Fact]
    streams: Mapping[str, Streamed]

    def __len__(self) -> int:
        return len(self.ids)

    def fact(self, name: str) -> Fact:
        """Return a fact by name; one that no run has is absent."""
        return self.facts.get(name) or Fact.absent(len(self))

    def take(self, runs: Ints) -> Table:
        """Return some of the runs, in this order, with those facts and streams that some of them have."""
        facts = {name: fact.take(runs) for name, fact in self.facts.items()}
        streams = {name: stream.take(runs) for name, stream in self.streams.items()}
        return Table(
            self.ids[runs],
            self.stamps[runs],
            {name: fact for name, fact in facts.items() if fact.present.any()},
            {name: stream for name, stream in streams.items() if stream.files.present.any()},
        )


def join(tables: Sequence[Table]) -> Table:
    """Put tables of different runs together, in order of id."""
    sizes = [len(table) for table in tables]
    ids = np.concatenate([table.ids for table in tables]) if tables else np.empty(0, np.int64)
    order = np.argsort(ids, kind="stable")
    names = dict.fromkeys(name for table in tables for name in table.facts)
    streams = dict.fromkeys(name for table in tables for name in table.streams)
    joined = Table(
        ids,
        np.concatenate([table.stamps for table in tables]) if tables else ids,
        {name: _join_facts([table.fact(name) for table in tables]) for name in names},
        {name: _join_streams([table.streams.get(name) for table in tables], sizes) for name in streams},
    )
    return joined if (order == np.arange(len(ids))).all() else joined.take(order)


def _join_streams(parts: Sequence[Streamed | None], sizes: Sequence[int]) -> Streamed:
    whole = [part if part is not None else Streamed.absent(size) for part, size in zip(parts, sizes, strict=True)]
    return Streamed(
        _join_facts([part.files for part in whole]),
        np.concatenate([part.records for part in whole]),
        np.concatenate([part.bytes for part in whole]),
        _join_facts([part.columns for part in whole]),
        _join_facts([part.steps for part in whole]),
    )


def _join_facts(parts: Sequence[Fact]) -> Fact:
    if len(parts) == 1:
        return parts[0]
    known: dict[Any, int] = {}
    different: list[Any] = []
    places = []
    for part in parts:
        translated = []
        for value in part.values:
            place = known.setdefault(exactly(value), len(different))
            if place == len(different):
                different.append(value)
            translated.append(place)
        places.append(np.array([*translated, NO_PLACE], np.int64)[part.places])
    return Fact(tuple(different), np.concatenate(places) if places else np.empty(0, np.int64))


def exactly(value: Any) -> Any:
    """Return what is equal, and can be looked up, for the same values only: 1, 1.0 and True are three."""
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is float:
        return (kind, repr(value))
    return (kind, value) if kind in (int, bool) else (kind, _text(value))


def _text(value: Any) -> Any:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # an integer of more than 64 bits in a list
        return repr(value)
