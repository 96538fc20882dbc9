"""Owns the judgement of the runner's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typedxp.errors import Problem
from typedxp.stages.validate.repair import repaired
from typedxp.vocabulary.plan import Composed
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
    return [
        Problem(
            ".".join(("xp", *key)),
            shown(get(values, key, item["input"])) if not isinstance(item["input"], dict) else "",
            point.origin(("xp", *key)),
            item["msg"],
        )
        for key, item in located
    ]
