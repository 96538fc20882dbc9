"""Owns what is written in verification.json: how a run compares with what came of doing it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from typedxp.vocabulary.records import FORMAT

MISSING = "(missing)"
"""Stands for a value that only one of two runs recorded."""


class Outcome(StrEnum):
    """How what was recorded twice compares, the best first.

    ``identical`` is byte for byte, apart from when metrics were logged; ``equal`` are values within a tolerance;
    ``failed`` means that the run did not complete again.
    """

    IDENTICAL = "identical"
    EQUAL = "equal"
    DIFFERENT = "different"
    FAILED = "failed"

    @property
    def good(self) -> bool:
        """Whether the run was verified."""
        return self in (Outcome.IDENTICAL, Outcome.EQUAL)


def worst(outcomes: list[Outcome]) -> Outcome:
    """Return the worst of some outcomes; of none, that all is identical."""
    return max(outcomes, key=list(Outcome).index, default=Outcome.IDENTICAL)


@dataclass(frozen=True)
class Difference:
    """The first place where two runs differ, and what each has there.

    ``record`` is the number of the record in its stream, from 1; None for an artifact. ``key`` is that of the metric,
    or the name of the array or the file, with the place in it, as in ``weights[3, 0]``.
    """

    record: int | None
    key: str
    recorded: Any
    repeated: Any


@dataclass(frozen=True)
class Part:
    """How one stream or artifact compares.

    ``kind`` is ``stream`` or ``artifact``. ``absolute`` and ``relative`` are the largest differences between two finite
    numbers, the latter as a part of the number that was recorded first, and None where that is 0. Both are None if the
    part is identical.
    """

    kind: str
    name: str
    outcome: Outcome
    difference: Difference | None = None
    absolute: float | None = None
    relative: float | None = None


@dataclass(frozen=True)
class Verification:
    """The content of verification.json: how a run compares with its repetition. Replaced whole by the next one.

    A number is equal to the recorded one if they differ by at most ``atol + rtol * abs(recorded)``. ``ignored`` are
    patterns for what was not compared. ``code`` is the hash of the commit that was run; None for the code that lay in
    the working tree. ``environment`` says in words what was different when the run was repeated. ``cause`` says why it
    failed. ``verified`` is when that was, in ISO 8601 and UTC; ``seconds`` is how long the repetition took.
    """

    format: int = field(default=FORMAT, kw_only=True)
    outcome: Outcome
    verified: str
    rtol: float
    atol: float
    ignored: tuple[str, ...] = ()
    code: str | None = None
    environment: tuple[str, ...] = ()
    seconds: float | None = None
    cause: str | None = None
    parts: tuple[Part, ...] = ()
