"""Owns plain trees of values: mappings and lists, as YAML has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from typedxp.vocabulary.plan import TypedFloat, TypedInt
from typedxp.vocabulary.schema import MISSING, Key, Model

ABSENT: Final = object()
"""Stands for a place at which there is nothing."""


def split(key: str) -> Key:
    """Take ``a.b[0].c`` apart into ``("a", "b", "0", "c")``."""
    return tuple(re.findall(r"[^.\[\]]+", key))


def copy(tree: Any) -> Any:
    """Copy a tree, so that nobody else sees what is done to it."""
    if type(tree) is dict:
        return {key: copy(value) for key, value in tree.items()}
    if type(tree) is list:
        return [copy(value) for value in tree]
    return tree


def literal(tree: Any) -> Any:
    """Copy a tree with all text escaped that OmegaConf would take for a reference."""
    if isinstance(tree, dict):
        return {key: literal(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [literal(value) for value in tree]
    if isinstance(tree, str) and "${" in tree:
        return re.sub(r"(\\*)\$\{", lambda match: f"{match[1] * 2}\\${{", tree)
    return tree


def child(tree: Any, part: str) -> Any:
    """Return what is directly below ``tree``, or ABSENT."""
    if isinstance(tree, dict):
        return tree.get(_name(tree, part), ABSENT)
    if isinstance(tree, list | tuple) and part.isascii() and part.isdigit() and int(part) < len(tree):
        return tree[int(part)]
    return ABSENT


def get(tree: Any, key: Key, default: Any = None) -> Any:
    """Return what is at ``key``, or ``default`` where there is nothing."""
    for part in key:
        tree = child(tree, part)
        if tree is ABSENT:
            return default
    return tree


def put(tree: Any, key: Key, value: Any) -> None:
    """Replace what is at ``key``, below a mapping or a list that is there."""
    parent = get(tree, key[:-1])
    if isinstance(parent, list):
        parent[int(key[-1])] = value
    elif isinstance(parent, dict):
        parent[_name(parent, key[-1])] = value


def _name(tree: Mapping[Any, Any], part: str) -> Any:
    """Return what a mapping calls ``part``: YAML may have numbers for keys."""
    if part in tree or not part.isdigit():
        return part
    return int(part) if int(part) in tree else part


def leaves(tree: Any, prefix: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Yield every value that is not itself a mapping or a list, with its key."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from leaves(value, (*prefix, str(name)))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from leaves(value, (*prefix, str(index)))
    else:
        yield prefix, tree


def untyped(tree: Any) -> Any:
    """Copy a tree, with ordinary numbers for those that remember how they were typed."""
    if isinstance(tree, dict):
        return {key: untyped(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [untyped(value) for value in tree]
    if isinstance(tree, TypedInt):
        return int(tree)
    return float(tree) if isinstance(tree, TypedFloat) else tree


def secret_leaves(tree: Any, schema: Model) -> Iterator[tuple[Key, Any]]:
    """Yield the values that were given for secret fields, with their keys; those of models inside lists included."""
    for key, field in schema.keys():
        if field.secret or field.veiled:
            for place, value in leaves(get(tree, key), key):
                if (field.secret or not field.veiled.isdisjoint(place[len(key) :])) and value not in (None, MISSING):
                    yield place, value


def secrets_in(tree: Any, schema: Model) -> dict[str, str]:
    """Return the texts that were given for secret fields, by dotted key."""
    return {".".join(place): str(getattr(value, "text", value)) for place, value in secret_leaves(tree, schema)}


def shown(value: Any) -> str:
    """Write a value for a message: as it was typed, and nothing at length."""
    text = _shown(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _shown(value: Any) -> str:
    if isinstance(value, TypedInt | TypedFloat):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else repr(value)
