"""Owns the comparison of plain values, as JSON has them: numbers within a tolerance, everything else exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from typedxp.results.sameness.found import Found
from typedxp.store.streams import NUMBERS
from typedxp.vocabulary.verification import MISSING


def compare_plain(key: str, recorded: Any, repeated: Any, found: Found) -> None:
    """Compare two values, and what is in them; NaN equals NaN, also where it is spelt as streams spell it."""
    if isinstance(recorded, Mapping) and isinstance(repeated, Mapping):
        for name in {**recorded, **repeated}:
            inner = f"{key}.{name}" if key else str(name)
            compare_plain(inner, recorded.get(name, MISSING), repeated.get(name, MISSING), found)
    elif _listed(recorded) and _listed(repeated):
        if len(recorded) != len(repeated):
            found.differ(key, f"{len(recorded)} items", f"{len(repeated)} items")
            return
        for index, pair in enumerate(zip(recorded, repeated, strict=True)):
            compare_plain(f"{key}[{index}]", *pair, found)
    elif not same(recorded, repeated):
        _compare_scalars(key, recorded, repeated, found)


def same(recorded: Any, repeated: Any) -> bool:
    """Say whether two plain values are the same to the last bit, their types included."""
    return type(recorded) is type(repeated) and repr(recorded) == repr(repeated)


def _compare_scalars(key: str, recorded: Any, repeated: Any, found: Found) -> None:
    pair = _number(recorded), _number(repeated)
    if pair[0] is None or pair[1] is None:
        found.differ(key, _shown(recorded), _shown(repeated))
    else:
        compare_numbers(key, pair[0], pair[1], found)


def compare_numbers(key: str, recorded: float, repeated: float, found: Found) -> None:
    """Compare two numbers that are not the same to the last bit."""
    found.not_identical()
    if recorded == repeated or (math.isnan(recorded) and math.isnan(repeated)):
        return
    try:
        distance = float(abs(recorded - repeated))
    except OverflowError:
        distance = math.inf
    if math.isfinite(distance):
        found.distance(distance, distance / abs(recorded) if recorded else math.inf)
    if not found.tolerance.allows(recorded, distance):
        found.differ(key, recorded, repeated)


def _listed(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _number(value: Any) -> float | None:
    """Return the number that a value is, or that its text stands for; a truth is none."""
    if isinstance(value, str):
        return NUMBERS.get(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _shown(value: Any) -> Any:
    """Return what is written down of a value: scalars as they are, and of everything else its beginning."""
    if isinstance(value, bool | int | float | None):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
