"""Owns the comparison of a composed config with the schema: keys that nobody declared, and what was meant by them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from typedxp.errors import nearest
from typedxp.vocabulary.schema import Field, Key, Model
from typedxp.vocabulary.tree import ABSENT, get, leaves


def unknown_keys(
    tree: Mapping[str, Any], models: Sequence[Model], members: Mapping[Key, Model], prefix: Key = ()
) -> Iterator[Key]:
    """Yield the keys that no model declares; ``models`` are those that ``tree`` may be meant for."""
    for name, value in tree.items():
        # YAML may have numbers for keys.
        key = (*prefix, str(name))
        fields = [found for model in models if (found := model.field(str(name)))]
        if not fields:
            if not any(model.extra for model in models):
                yield key
        elif isinstance(value, dict):
            below = (members[key],) if key in members else fields[0].models
            yield from unknown_keys(value, below, members, key) if below else ()


def mismatched(values: Mapping[str, Any], members: Mapping[Key, Model]) -> Iterator[tuple[Key, Model]]:
    """Yield the config groups in which a discriminator does not fit the option that was chosen."""
    for key, member in members.items():
        if member.tag is not None and get(values, (*key, member.tag[0]), member.tag[1]) not in member.tags:
            yield key, member


def hint(key: Key, schema: Model | None, tree: Mapping[str, Any], groups: Iterable[str] = ()) -> str:
    """Name the key or the config group that was probably meant, or the member of a union that has it."""
    if schema is not None and (owner := _owner(key, schema)):
        return owner
    key = _parts(key)
    known = _known(key, schema, tree, groups)
    siblings = {path: text for path, text in known.items() if path[:-1] == key[:-1]}
    if len(key) > 1 and siblings:
        there = get(dict(tree), key[:-1]) or ()
        siblings = {path: text for path, text in siblings.items() if path[-1] in there or "/" in text} or siblings
        # The part that differs decides: what is common to all is no likeness.
        near = difflib.get_close_matches(key[-1], [path[-1] for path in siblings], n=1)
        return (
            f"Did you mean {siblings[*key[:-1], near[0]]}?"
            if near
            else f"Known: {', '.join(sorted(siblings.values()))}."
        )
    return _nearest(key, known)


def near_group(key: Key, groups: Iterable[str]) -> str:
    """Name the config group that was probably meant by a key; nothing if none is like it."""
    near = difflib.get_close_matches("/".join(_parts(key)), groups, n=1)
    return f"Did you mean {near[0]}?" if near else ""


def _parts(key: Key) -> Key:
    """Take what was typed for a config group apart: ``model/encoder``."""
    return tuple(part for each in key for part in each.split("/"))


def _known(key: Key, schema: Model | None, tree: Mapping[str, Any], groups: Iterable[str]) -> dict[Key, str]:
    """Return the keys that there are, settings apart from the others, as they would be typed.

    What lies deeper than a config group does not mean the group.
    """
    declared = {path: _typed(path, field) for path, field in schema.keys()} if schema is not None else {}
    there = {path: ".".join(path) for path, _ in leaves(dict(tree)) if schema is None or path[0] == "xp"}
    chosen = {path: group for group in groups if len(path := tuple(group.split("/"))) >= len(key)}
    known = {**there, **declared, **chosen}
    return {path: text for path, text in known.items() if (path[0] == "xp") == (key[0] == "xp")}


def _typed(path: Key, field: Field) -> str:
    return "/".join(path) if field.union else ".".join(path)


def _nearest(key: Key, known: Mapping[Key, str]) -> str:
    spelled = {text.replace("/", "."): text for text in known.values()}
    text = nearest(".".join(key), spelled)
    for dotted, slashed in spelled.items():
        text = text.replace(f" {dotted}?", f" {slashed}?") if dotted != slashed else text
    return text


def _owner(key: Key, schema: Model) -> str:
    for depth in range(len(key) - 1, 0, -1):
        field = schema.find(key[:depth])
        models = [m.name for m in field.models if m.find(key[depth:])] if field is not None and field.union else []
        if models:
            options = " or ".join(f"{'/'.join(key[:depth])}={name}" for name in models)
            return f"It belongs to {options}."
    return ""


def null_above(tree: Mapping[str, Any], key: Key, schema: Model | None) -> str:
    """Say what to do if the config group that would hold ``key`` has no option, or nothing."""
    depths = range(len(key) - 1, 0, -1)
    above = next((key[:depth] for depth in depths if get(tree, key[:depth], ABSENT) is not ABSENT), ())
    if not above or isinstance(get(tree, above), dict | list):
        return ""
    field = schema.find(above) if schema is not None else None
    if field is not None and field.models:
        options = " or ".join(f"{'/'.join(above)}={model.name}" for model in field.models)
        return f"{'.'.join(above)} has no option yet. Choose one first: {options}."
    return f"{'.'.join(above)} is no mapping." if get(tree, above) is not None else ""
