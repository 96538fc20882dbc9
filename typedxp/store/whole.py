"""Owns telling what was read from a file from what nobody of us wrote: the types of the values in a record."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

_SCALARS = (str, int, float, bool, types.NoneType)
_LARGEST = 2**63


def known(kind: type, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a dataclass has fields for: a later version of the same format may have added keys.

    Raises:
        TypeError: a value that is to be text, a number or a truth is something else.
    """
    found = {name: raw[name] for name in _names(kind) if name in raw}
    for name, expected in _scalars(kind).items():
        if name in found and type(found[name]) not in expected:
            raise TypeError(f"{name} cannot be {found[name]!r}")
    return found


def count(value: Any) -> int:
    """Return a number of things.

    Raises:
        TypeError: it is none.
    """
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise TypeError(f"{value!r} is no number of things")
    return value


def integers(values: Any) -> tuple[int, ...]:
    """Return whole numbers of at most 64 bits.

    Raises:
        TypeError: something else is among them.
    """
    if not all(type(value) is int and -_LARGEST <= value < _LARGEST for value in values):
        raise TypeError(f"{values!r} are no whole numbers")
    return tuple(values)


def texts(values: Any) -> tuple[str, ...]:
    """Return several texts.

    Raises:
        TypeError: something else is among them.
    """
    if isinstance(values, str) or not all(type(value) is str for value in values):
        raise TypeError(f"{values!r} are no texts")
    return tuple(values)


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _scalars(kind: type) -> dict[str, frozenset[type]]:
    """Return the types that the fields may have that are plain values."""
    found = {}
    for name, hint in typing.get_type_hints(kind).items():
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        if all(option in _SCALARS for option in options):
            found[name] = frozenset({*options, int} if float in options else options)
    return found
