"""Owns the comparison of hyperparameters, as other libraries are given them, with the config of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from typedxp.vocabulary.plan import REDACTED


def unrecorded(config: Any, given: Any) -> list[str]:
    """Describe every hyperparameter that the config does not hold with the same value.

    A hyperparameter ``lr`` is looked for as ``lr`` and as ``optimizer.lr``. Values that are not in the config are not
    shown, since they may be secret.
    """
    known = dict(_flatten(config))
    return [text for key, value in _flatten(given) if (text := _describe(key, value, known))]


def _describe(key: str, value: Any, known: Mapping[str, Any]) -> str:
    candidates = {name: held for name, held in known.items() if _names_same(key, name)}
    if any(held == REDACTED or _same(held, value) for held in candidates.values()):
        return ""
    if not candidates:
        return f"{key} (not in the config)"
    name, held = next(iter(candidates.items()))
    return f"{key} = {value!r} (in the config: {name} = {held!r})"


def _names_same(one: str, other: str) -> bool:
    return f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or (one != one and other != other)  # noqa: PLR0124 - NaN is what differs from itself
    # Dates, paths and enumerations are text in one of the two, and tuples may be lists.
    return _text(one) == _text(other)


def _text(value: Any) -> str:
    return str([_text(item) for item in value]) if isinstance(value, list | tuple) else str(value)


def _flatten(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    values = _mapping(tree)
    if values is None:
        yield prefix, tree
        return
    for name, value in values.items():
        yield from _flatten(value, f"{prefix}.{name}" if prefix else str(name))


def _mapping(value: Any) -> Mapping[Any, Any] | None:
    if hasattr(value, "model_dump"):
        dumped: dict[str, Any] = value.model_dump(mode="json")
        return dumped
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value if isinstance(value, Mapping) else None
