"""Owns the options that users add to config groups."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from typedxp.errors import DeclarationError

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
        raise DeclarationError(f"{group!r} cannot be a config group: use names separated by '/', as in 'model/encoder'.")
    if not _NAME.fullmatch(name):
        raise DeclarationError(f"{name!r} cannot be an option: use letters, digits, '_', '-' and '.'.")
    if isinstance(value, Mapping):
        value = dict(value)
    _registered[group, name] = Registration(group, name, value)


def registrations() -> tuple[Registration, ...]:
    """Return every option that was added, in order."""
    return tuple(_registered.values())
