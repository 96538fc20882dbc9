"""Owns the judgement of the runner's own settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from typedxp.errors import Problem
from typedxp.stages.validate.repair import repaired
from typedxp.vocabulary.plan import Composed
from typedxp.vocabulary.schema import Key
from typedxp.vocabulary.tree import get, shown, untyped


def judge_settings(model: Any, values: Mapping[str, Any], point: Composed) -> Any | list[Problem]:
    """Judge the runner's own settings, which live under ``xp``."""
    from pydantic import ValidationError

    try:
        return model.model_validate(untyped(values))
    except ValidationError as error:
        located = [(tuple(map(str, item["loc"])), item) for item in error.errors(include_url=False)]
    second = repaired(values, located, None)
    if second is not None:
        return judge_settings(model, second, point)
    return list(_problems(values, located, point))


def _problems(values: Mapping[str, Any], located: list[tuple[Key, Any]], point: Composed) -> Iterator[Problem]:
    """Yield one problem per setting: of a setting that may be of several types, pydantic tells one for each type."""
    for name in dict.fromkeys(key[0] for key, _ in located):
        errors = [(key, item) for key, item in located if key[0] == name]
        key, item = errors[0] if len(errors) == 1 else ((name,), errors[0][1])
        value = get(values, key, item["input"])
        yield Problem(
            ".".join(("xp", *key)),
            "" if isinstance(value, dict) else shown(value),
            point.origin(("xp", *key)),
            " or: ".join(dict.fromkeys(str(item["msg"]) for _, item in errors)),
        )
