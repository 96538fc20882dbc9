"""Owns choosing runs by a condition on their fields."""

from __future__ import annotations

from typing import Any

import numpy as np

from typedxp.conditions import Condition, ConditionError
from typedxp.errors import ResultsError
from typedxp.results.runs.fields import Fields
from typedxp.results.runs.moments import TIMES, find_moment, read_moment
from typedxp.results.runs.table import Ints

Truths = np.ndarray[Any, np.dtype[np.bool_]]


class Query:
    """A condition on runs: it holds if all its parts, joined by ``and``, hold.

    Raises:
        ResultsError: it is no condition, or speaks of what is no field.
    """

    def __init__(self, fields: Fields, text: str) -> None:
        self._fields = fields
        self._text = text
        try:
            condition = Condition.parse(text)
            self._names = {key: fields.find(key) for key in condition.keys}
            self._parts = [part.with_times(self._times, read_moment) for part in condition.parts]
        except ConditionError as error:
            raise ResultsError(str(error)) from error
        if not self._names:
            raise ResultsError(f"{text!r} speaks of no field of the runs, and would hold for all or for none.")

    def runs(self) -> Ints:
        """Return the places of the runs that meet the condition, in order.

        Raises:
            ResultsError: the condition does not fit the values of a run.
        """
        left = np.arange(len(self._fields.table))
        # Files of metrics are read for those runs only for which the rest holds.
        for part in sorted(self._parts, key=self._reads):
            left = left[self._holds(part, left)]
        return left

    def explain(self) -> str:
        """Say how many runs meet each part of the condition by itself."""
        count = len(self._fields.table)
        told = f"None of {count} run{'s' if count != 1 else ''} meets {self._text!r}."
        if len(self._parts) > 1:
            told += " " + ", ".join(f"{part.text} holds for {self._count(part)}" for part in self._parts) + "."
        return told

    @property
    def _times(self) -> tuple[str, ...]:
        return tuple(key for key, name in self._names.items() if name in TIMES)

    def _reads(self, part: Condition) -> bool:
        return any(self._names[key] in self._fields.metrics for key in part.keys)

    def _count(self, part: Condition) -> str:
        try:
            return str(self._holds(part, np.arange(len(self._fields.table))).sum())
        except ResultsError:
            return "some only, since others have other types"

    def _holds(self, part: Condition, runs: Ints) -> Truths:
        """Tell for which runs a part holds; it is asked once for all runs with the same values."""
        if not part.keys:
            return np.full(len(runs), part.holds(dict[str, Any]().get))
        facts = [self._fields.fact(self._names[key], runs) for key in part.keys]
        columns = [
            [find_moment(value) for value in fact.values] if key in self._times else list(fact.values)
            for key, fact in zip(part.keys, facts, strict=True)
        ]
        places = np.stack([fact.places for fact in facts], axis=1)
        different, first, inverse = np.unique(places, axis=0, return_index=True, return_inverse=True)
        held = np.zeros(len(different), np.bool_)
        for index, row in enumerate(different.tolist()):
            # Place -1 is that of a value that is not there.
            values = [column[place] if place >= 0 else None for column, place in zip(columns, row, strict=True)]
            try:
                held[index] = part.holds(dict(zip(part.keys, values, strict=True)).get)
            except ConditionError as error:
                run = self._fields.table.ids[runs[first[index]]]
                raise ResultsError(f"{error} This is so in run {run}.") from error
        return held[inverse.reshape(-1)]
