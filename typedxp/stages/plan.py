"""Owns the plan: valid points become an ordered list of run specs, each named by its content. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from typedxp.conditions import Condition
from typedxp.errors import PlanError, nearest
from typedxp.vocabulary.plan import Composed, Judged, Plan, RunSpec
from typedxp.vocabulary.schema import Key, Model
from typedxp.vocabulary.tree import get, split, untyped


def digest(experiment: str, values: Mapping[str, Any], members: Mapping[str, str] | None = None) -> str:
    """Name an experiment and its config by content: the first 16 digits of the SHA-256 of their sorted JSON."""
    content = [experiment, values, *([members] if members else [])]
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    except TypeError:
        # YAML may have numbers and words for keys in one mapping.
        text = json.dumps(_with_words(content, repr), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _with_words(tree: Any, word: Callable[[Any], str]) -> Any:
    if isinstance(tree, dict):
        return {word(key): _with_words(value, word) for key, value in tree.items()}
    return [_with_words(value, word) for value in tree] if isinstance(tree, list) else tree


def make_plan(experiment: str, points: Iterable[tuple[Composed, Judged]], excluded: int = 0) -> Plan:
    """Put valid points in order, each config once."""
    specs: dict[tuple[str, ...], RunSpec] = {}
    count = 0
    for composed, judged in points:
        count += 1
        name = digest(experiment, judged.values, judged.members)
        # Secrets make a difference, which no file shows.
        own = (name, *judged.secrets.values())
        if own not in specs:
            specs[own] = RunSpec(
                digest=name,
                judged=judged,
                point={".".join(key): _label(composed, judged.values, key) for key in composed.swept},
                choices={group.replace("/", "."): choice for group, choice in composed.choices.items()},
                members=judged.members,
                overrides=composed.overrides,
            )
    return Plan(tuple(specs.values()), duplicates=count - len(specs), excluded=excluded)


def check_condition(condition: Condition, schema: Model | None, values: Mapping[str, Any]) -> None:
    """Make sure that a condition speaks of keys that there are.

    Raises:
        PlanError: it does not.
    """
    known = {".".join(key) for key, _ in schema.keys()} if schema is not None else set()
    for key in condition.keys:
        dotted = key.removeprefix("config.")
        if dotted not in known and get(values, split(dotted), _NOTHING) is _NOTHING:
            raise PlanError(
                f"xp.where: there is no key {key}. Text is written in quotes. {nearest(dotted, known or values)}"
            )


def satisfies(condition: Condition, composed: Composed, values: Mapping[str, Any]) -> bool:
    """Say whether a point satisfies a condition; a config group is compared by the name of its option.

    Raises:
        ConditionError: the condition does not fit the values.
    """

    def lookup(key: str) -> Any:
        dotted = key.removeprefix("config.")
        value = get(values, split(dotted))
        return composed.choices.get(dotted.replace(".", "/")) if isinstance(value, dict) else value

    return condition.holds(lookup)


_NOTHING = object()


def _label(composed: Composed, values: Mapping[str, Any], key: Key) -> Any:
    """Return this point's value of a swept key as it was validated; for a config group the name of the option."""
    group = "/".join(key)
    if group in composed.choices:
        return composed.choices[group]
    # Labels are written as JSON, and have words for keys.
    return _with_words(untyped(get(values, key, composed.swept[key])), str)
