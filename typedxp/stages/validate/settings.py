"""Owns the judgement of the runner's own settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from typedxp.errors import Problem
from typedxp.stages.validate.repair import repaired
from typedxp.vocabulary.plan import Composed
from typedxp.vocabulary.schema import Key
from typedxp.vocabulary.tree import get, shown, untyped


def judge_settings(
    model: Any, values: Mapping[str, Any], point: Composed, prefix: Key = ("xp",)
) -> Any | list[Problem]:
    """Judge the runner's own settings, which live under ``xp``, or a part of them under ``prefix``."""
    from pydantic import ValidationError

    try:
        return model.model_validate(untyped(values))
    except ValidationError as error:
        located = [(tuple(map(str, item["loc"])), item) for item in error.errors(include_url=False)]
    second = repaired(values, located, None)
    if second is not None:
        return judge_settings(model, second, point, prefix)
    return list(_problems(values, located, point, prefix))


def _problems(
    values: Mapping[str, Any], located: list[tuple[Key, Any]], point: Composed, prefix: Key
) -> Iterator[Problem]:
    """Yield one problem per setting: of a setting that may be of several types, pydantic tells one for each type."""
    for name in dict.fromkeys(key[:1] for key, _ in located):
        errors = [(key, item) for key, item in located if key[:1] == name]
        key, item = errors[0] if len(errors) == 1 else (name, errors[0][1])
        value = get(values, key, item["input"]) if key else {}
        yield Problem(
            ".".join((*prefix, *key)),
            "" if isinstance(value, dict) else shown(value),
            point.origin((*prefix, *key)),
            " or: ".join(dict.fromkeys(str(item["msg"]) for _, item in errors)),
        )
