"""Owns what has been found so far while two recordings are compared: how far apart, and where first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from typedxp.vocabulary.verification import Difference, Outcome, Part


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be from the recorded one: ``atol + rtol * abs(recorded)``, as ``numpy.isclose`` has it."""

    rtol: float = 0.0
    atol: float = 0.0

    def allows(self, recorded: float, distance: float) -> bool:
        """Whether a number at this distance from the recorded one is equal to it."""
        # An infinite distance is never within an infinite limit.
        return math.isfinite(distance) and distance <= self.atol + self.rtol * abs(recorded)


class Found:
    """Collects what differs between two recordings of one stream or artifact."""

    def __init__(self, tolerance: Tolerance) -> None:
        self.tolerance = tolerance
        self.record: int | None = None
        self._outcome = Outcome.IDENTICAL
        self._difference: Difference | None = None
        self._absolute = 0.0
        self._relative = 0.0

    def not_identical(self) -> None:
        """Note that the bytes differ; the values may still be equal."""
        if self._outcome is Outcome.IDENTICAL:
            self._outcome = Outcome.EQUAL

    def differ(self, key: str, recorded: Any, repeated: Any) -> None:
        """Note two values that are not equal; only the first ones are kept."""
        self._outcome = Outcome.DIFFERENT
        if self._difference is None:
            self._difference = Difference(self.record, key, recorded, repeated)

    def distance(self, absolute: float, relative: float) -> None:
        """Note how far two numbers are apart."""
        self.not_identical()
        self._absolute = max(self._absolute, absolute)
        self._relative = max(self._relative, relative)

    def part(self, kind: str, name: str) -> Part:
        """Sum up."""
        if self._outcome is Outcome.IDENTICAL:
            return Part(kind, name, self._outcome)
        return Part(kind, name, self._outcome, self._difference, self._absolute, self._relative)
