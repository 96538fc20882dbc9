"""Owns what values given in Python mean: they become assignments, as overrides do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from typedxp.errors import ConfigError, PlanError, Problem
from typedxp.stages.declare.declaration import Declaration
from typedxp.stages.declare.instances import members_of, plain, values_of
from typedxp.vocabulary.plan import Assignment, spell
from typedxp.vocabulary.schema import Key, Model
from typedxp.vocabulary.tree import split

_ORIGIN = "Python"


def read_given(
    declaration: Declaration, axes: Mapping[str, Any], values: Mapping[str, Any], xp: Mapping[str, Any]
) -> list[Assignment]:
    """Turn axes, values and settings into assignments.

    A list, tuple, range, iterator or one-dimensional array in ``axes`` is an axis. An instance of a model chooses its
    option, and is taken as it is.

    Raises:
        ConfigError: a key is given twice.
        PlanError: an axis has no values, or holds instances of models.
    """
    if twice := axes.keys() & values.keys():
        problems = [Problem(key, "", _ORIGIN, "It is given as an axis and as a value.") for key in sorted(twice)]
        raise ConfigError(declaration.name, problems)
    swept = {key: axis for key, value in axes.items() if (axis := _axis(value)) is not None}
    single = {**{key: value for key, value in axes.items() if key not in swept}, **values}
    return [
        *(_axis_of(declaration, key, items) for key, items in swept.items()),
        *(made for key, value in single.items() for made in _taken(declaration, key, value)),
        *(_assignment(f"xp.{key}", (plain(value),)) for key, value in xp.items()),
    ]


def _axis(value: Any) -> list[Any] | None:
    if getattr(value, "ndim", 0) == 1:
        return list(value.tolist())
    return list(value) if isinstance(value, list | tuple | range | Iterator) else None


def _axis_of(declaration: Declaration, key: str, items: list[Any]) -> Assignment:
    if not items:
        raise PlanError(f"{key} is swept over no values.")
    if any(_member(declaration, key, item) is not None for item in items):
        raise PlanError(
            f"{key}: instances of models cannot be swept, since nothing would tell them apart. "
            "Give each a name by typedxp.register, and sweep the names."
        )
    return _assignment(key, tuple(map(plain, items)), sweep=True)


def _taken(declaration: Declaration, key: str, value: Any) -> Iterable[Assignment]:
    member = _member(declaration, key, value)
    if member is None:
        made = _assignment(key, (plain(value),))
        # Part of a model's values leaves the others as they are; any other mapping is the whole value.
        yield made if _holds_models(declaration, key) else replace(made, verb="replace")
        return
    below = ((split(key) + inner, model) for inner, model in members_of(value, member))
    held = [(split(key), member), *below]
    yield from (_assignment("/".join(place), (model.name,)) for place, model in held if _is_union(declaration, place))
    # The values of the instance, and no more: a mapping in it is not merged with that of the default.
    yield Assignment("replace", key, (values_of(value, member),), text=f"{key}={value!r}", origin=_ORIGIN)


def _member(declaration: Declaration, key: str, value: Any) -> Model | None:
    field = declaration.schema.find(split(key)) if declaration.schema is not None else None
    return next((model for model in field.models if type(value) is model.type), None) if field is not None else None


def _holds_models(declaration: Declaration, key: str) -> bool:
    if declaration.schema is None:
        return True
    field = declaration.schema.find(split(key))
    return field is None or bool(field.models)


def _is_union(declaration: Declaration, key: Key) -> bool:
    field = declaration.schema.find(key) if declaration.schema is not None else None
    return field is not None and field.union


def _assignment(key: str, items: tuple[Any, ...], *, sweep: bool = False) -> Assignment:
    return Assignment("set", key, items, text=f"{key}={','.join(map(spell, items))}", sweep=sweep, origin=_ORIGIN)
