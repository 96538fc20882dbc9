"""Owns the options that users add to config groups."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typedxp.errors import DeclarationError
from typedxp.stages.declare.instances import member_for, plain, take_apart
from typedxp.vocabulary.schema import Model, Option

_GROUP = re.compile(r"[A-Za-z_][\w-]*(/[A-Za-z_][\w-]*)*")
_NAME = re.compile(r"[\w][\w.-]*")


@dataclass(frozen=True)
class Registration:
    """One option that was added to a config group."""

    group: str
    name: str
    value: Any


_registered: dict[tuple[str, str], Registration] = {}


def register(value: Any, *, group: str, name: str) -> None:
    """Add an option to a config group, as in ``register(SGD(lr=1.0), group="optimizer", name="fast")``.

    ``value`` is an instance of a model of that group, the model itself, or a mapping of plain values. It is put into
    Hydra's ConfigStore, through hydra-zen, when a command line is composed. A second registration replaces the first.

    Raises:
        DeclarationError: the group or the name cannot be used on a command line.
    """
    if not _GROUP.fullmatch(group):
        raise DeclarationError(
            f"{group!r} cannot be a config group: use names separated by '/', as in 'model/encoder'."
        )
    if not _NAME.fullmatch(name):
        raise DeclarationError(f"{name!r} cannot be an option: use letters, digits, '_', '-' and '.'.")
    if isinstance(value, Mapping):
        value = dict(value)
    _registered[group, name] = Registration(group, name, value)


def registered(group: str) -> dict[str, Any]:
    """Return what was registered for a config group, by the name of the option."""
    return {item.name: item.value for item in _registered.values() if item.group == group}


def options_for(schema: Model | None) -> list[Option]:
    """Return what was registered for the config groups of a schema, as plain values.

    Raises:
        DeclarationError: an option is of no class that its group takes.
    """
    # What is under `xp` concerns the runner, and no schema.
    return [
        _option(item, schema)
        for item in _registered.values()
        if not item.group.startswith("xp/") and _concerns(item, schema)
    ]


def _concerns(item: Registration, schema: Model | None) -> bool:
    # Options of another experiment's groups may have been registered in the same process.
    return schema is None or schema.find(tuple(item.group.split("/"))) is not None


def _option(item: Registration, schema: Model | None) -> Option:
    if isinstance(item.value, dict) or (schema is None and not isinstance(item.value, type)):
        return Option(item.group, item.name, plain(item.value))
    field = schema.find(tuple(item.group.split("/"))) if schema is not None else None
    models = field.models if field is not None else ()
    kind = item.value if isinstance(item.value, type) else type(item.value)
    of_class = next((model for model in models if model.type is kind), None)
    member = of_class if kind is item.value else member_for(item.value, models)
    if member is None:
        accepted = ", ".join(model.type.__name__ for model in models) or "mappings of plain values"
        raise DeclarationError(f"{item.group}={item.name} is a {kind.__name__}; {item.group} takes {accepted}.")
    return Option(item.group, item.name, member if kind is item.value else take_apart(item.value, member))
