"""Owns the taking apart of values: instances of models, and everything else that a schema may hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from typedxp.errors import DeclarationError
from typedxp.vocabulary.schema import MISSING, Key, Made, Model


def take_apart(instance: Any, model: Model) -> Made:
    """Take an instance of a model apart into values, secrets included.

    Raises:
        DeclarationError: a part of it is of a class that the schema does not name.
    """
    values: dict[str, Any] = {}
    for field in model.fields:
        value = getattr(instance, field.name)
        is_part = field.models and value is not None
        values[field.name] = part_of(field.name, value, field.models) if is_part else plain_or_missing(value)
    extra = getattr(instance, "__pydantic_extra__", None) or {}
    values |= {name: plain_or_missing(value) for name, value in extra.items()}
    return Made(model, values, equal(instance, ordinary_instance(model.type)))


def part_of(name: str, instance: Any, models: tuple[Model, ...]) -> Made:
    """Take what a field called ``name`` holds apart, which is an instance of one of ``models``.

    Raises:
        DeclarationError: it is not.
    """
    member = member_for(instance, models)
    if member is None:
        known = " or ".join(model.type.__name__ for model in models)
        raise DeclarationError(f"{name}: it is a {type(instance).__name__} where its type names {known}. Add it there.")
    return take_apart(instance, member)


def member_for(instance: Any, models: tuple[Model, ...]) -> Model | None:
    """Return the model that an instance is of, or None; where a class is several members, its discriminator decides."""
    found = [model for model in models if type(instance) is model.type]
    return next((model for model in found if _has_tag(instance, model)), found[0] if found else None)


def _has_tag(instance: Any, model: Model) -> bool:
    field = model.field(model.tag[0]) if model.tag is not None else None
    if field is None or model.tag is None:
        return True
    value = getattr(instance, field.name)
    return bool(model.tag[1] in (value, getattr(value, "value", value)))


def values_of(instance: Any, model: Model) -> dict[str, Any]:
    """Take an instance of a model apart into plain values, secrets included."""
    return take_apart(instance, model).tree()


def members_of(instance: Any, model: Model) -> Iterator[tuple[Key, Model]]:
    """Yield which model each nested field of an instance holds, with the key of the field."""
    return take_apart(instance, model).members()


def plain(value: Any) -> Any:
    """Turn a value of any kind that pydantic knows, or numpy, into plain JSON values.

    Raises:
        DeclarationError: it has no such form.
    """
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    elif hasattr(value, "tolist"):
        value = value.tolist()
    try:
        if hasattr(value, "__pydantic_serializer__") or dataclasses.is_dataclass(value):
            return _plain_model(value)
        return to_jsonable_python(value)
    except PydanticSerializationError as error:
        raise DeclarationError(f"{value!r} cannot be written to a file: {error}") from error


def _plain_model(instance: Any) -> Any:
    from pydantic import TypeAdapter

    adapter = TypeAdapter[Any](type(instance))
    written = adapter.dump_python(instance, mode="json", by_alias=False, round_trip=True, warnings=False)
    return _revealed(adapter.dump_python(instance, by_alias=False, round_trip=True, warnings=False), written)


def _revealed(native: Any, written: Any) -> Any:
    """Return what was written of a model, with the secrets that pydantic hides."""
    if hasattr(native, "get_secret_value"):
        return plain(native)
    if isinstance(native, dict) and isinstance(written, dict) and len(native) == len(written):
        return {name: _revealed(*pair) for name, *pair in zip(written, native.values(), written.values(), strict=True)}
    if isinstance(native, list | tuple) and isinstance(written, list):
        return [_revealed(*pair) for pair in zip(native, written, strict=True)]
    return written


def plain_or_missing(value: Any) -> Any:
    """Turn a value into plain JSON values, or MISSING where only a model can make it."""
    try:
        return plain(value)
    except DeclarationError:
        return MISSING


def equal(one: Any, other: Any) -> bool:
    """Say whether two values are equal; arrays, and what does not say, are not."""
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - whatever a class of the user raises
        return False


def ordinary_instance(cls: Any) -> Any:
    """Make an instance from nothing but defaults, or None where values are required."""
    try:
        return cls()
    except (TypeError, ValueError):
        return None
