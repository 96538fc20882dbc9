"""Owns the taking apart of types: unions, models, enums, and how a type is spelled for a reader."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from typedxp.stages.declare.instances import plain

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_SYMBOLS = {
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
    "multiple_of": "multiple of",
    "min_length": "length >=",
    "max_length": "length <=",
    "pattern": "matches",
}


def bare(annotation: Any) -> Any:
    """Return a type without what is annotated to it, and without its other name."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif hasattr(annotation, "__value__") and not isinstance(annotation, type):
            annotation = annotation.__value__
        else:
            return annotation


def parts(annotation: Any) -> Iterator[Any]:
    """Yield the types that a type is made of, itself included: ``list[str]``, ``str``."""
    whole = bare(annotation)
    yield whole
    if typing.get_origin(whole) is not typing.Literal:
        for argument in typing.get_args(whole):
            yield from parts(argument)


def alternatives(annotation: Any) -> tuple[list[Any], bool]:
    """Take a union apart into its members, and whether None is one of them."""
    whole = bare(annotation)
    members = [bare(member) for member in typing.get_args(whole)] if is_union(whole) else [whole]
    return [member for member in members if member is not type(None)], type(None) in members


def is_union(annotation: Any) -> bool:
    """Whether a type is ``A | B``."""
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def is_model(cls: Any) -> bool:
    """Whether a type is a class with fields: a pydantic model, or a dataclass of either kind."""
    if not isinstance(cls, type):
        return False
    if hasattr(cls, "model_fields"):
        return not getattr(cls, "__pydantic_root_model__", False)
    return dataclasses.is_dataclass(cls)


def is_secret(annotation: Any) -> bool:
    """Whether a type holds a secret, at whatever depth."""
    return any(hasattr(part, "get_secret_value") for part in parts(annotation))


def models_inside(annotation: Any) -> list[Any]:
    """Name the models that a type may hold at whatever depth, each once: one may hold itself."""
    found: list[Any] = []
    waiting = [annotation]
    while waiting:
        new = [part for part in parts(waiting.pop()) if part not in found and _has_fields(part)]
        found += new
        waiting += [hint for model in new for hint in field_types(model).values()]
    return [model for model in found if is_model(model)]


def field_types(model: Any) -> dict[str, Any]:
    """Return the types of the fields of a class by their names and aliases, as far as they are known."""
    infos = getattr(model, "model_fields", None) or getattr(model, "__pydantic_fields__", None)
    if infos is None:
        try:
            return typing.get_type_hints(model)
        except NameError:
            return {}
    names = [(word, info.annotation) for name, info in infos.items() for word in _words(name, info)]
    return dict(names)


def _words(name: str, info: FieldInfo) -> set[str]:
    alias = info.validation_alias
    choices = [alias] if isinstance(alias, str) else getattr(alias, "choices", [])
    return {name, *([info.alias] if info.alias else []), *(choice for choice in choices if isinstance(choice, str))}


def _has_fields(part: Any) -> bool:
    return is_model(part) or (isinstance(part, type) and hasattr(part, "model_fields"))


def enum_words(annotation: Any) -> Iterator[tuple[str, Any]]:
    """Yield the words that may be typed for the members of the enums in a type, and what pydantic takes for them."""
    for part in parts(annotation):
        if _is_enum(part):
            yield from ((member.name, plain(member)) for member in part)
        elif typing.get_origin(part) is typing.Literal:
            # A literal takes the member itself, and not its value.
            members = [choice for choice in typing.get_args(part) if isinstance(choice, enum.Enum)]
            yield from ((word, member) for member in members for word in (str(member.value), member.name))


def constraints(info: FieldInfo) -> Iterator[str]:
    """Yield the constraints of a field, as in ``> 0``."""
    for item in info.metadata:
        for name, symbol in _SYMBOLS.items():
            value = getattr(item, name, None)
            if value is not None and not callable(value):
                yield f"{symbol} {value}"


def spell_type(annotation: Any) -> str:
    """Write a type as a user would."""
    whole = bare(annotation)
    if isinstance(whole, list):
        return f"[{', '.join(map(spell_type, whole))}]"
    if choices := _choices(whole):
        return " | ".join(choices)
    if arguments := typing.get_args(whole):
        origin = getattr(typing.get_origin(whole), "__name__", str(typing.get_origin(whole)))
        return f"{origin}[{', '.join('...' if argument is ... else spell_type(argument) for argument in arguments)}]"
    return "None" if whole is type(None) else getattr(whole, "__name__", str(whole))


def _choices(whole: Any) -> list[str]:
    if is_union(whole):
        return [spell_type(member) for member in typing.get_args(whole)]
    if typing.get_origin(whole) is typing.Literal:
        return [repr(choice) for choice in typing.get_args(whole)]
    return [repr(choice.value) for choice in whole] if _is_enum(whole) else []


def _is_enum(cls: Any) -> bool:
    return inspect.isclass(cls) and issubclass(cls, enum.Enum)
