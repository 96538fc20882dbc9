"""Owns what an override does to a plain tree: the way Hydra does it, with words of our own for what does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from typedxp.errors import nearest
from typedxp.vocabulary.plan import Assignment
from typedxp.vocabulary.schema import MISSING, Key, Model
from typedxp.vocabulary.tree import ABSENT, child, copy, get, leaves, put, untyped


class AssignmentError(ValueError):
    """An override that does not fit the tree."""


def assign(tree: dict[str, Any], assignment: Assignment, key: Key, value: Any, schema: Model | None) -> None:
    """Apply one override to ``tree``: a mapping is merged, anything else replaces what was there.

    Raises:
        AssignmentError: the key is not there, or there already, or leads through something that is no mapping.
    """
    parent = _parent(tree, key, make=assignment.verb in ("add", "force"))
    if parent is ABSENT:
        raise AssignmentError(_unknown(tree, key, schema, assignment))
    old = child(parent, key[-1])
    if assignment.verb == "delete":
        _delete(parent, key, old, value)
    elif assignment.verb == "add" and old is not ABSENT and old is not None and not isinstance(value, dict | list):
        raise AssignmentError(f"It is there already. Set it without the '+': {assignment.text.lstrip('+')}")
    elif assignment.verb == "set" and old is ABSENT:
        raise AssignmentError(_unknown(tree, key, schema, assignment))
    elif isinstance(value, dict) and isinstance(old, dict):
        for name, item in value.items():
            assign(tree, assignment, (*key, str(name)), item, schema)
    else:
        put(parent, key[-1:], copy(value))


def unknown_keys(tree: Mapping[str, Any], model: Model, members: Mapping[Key, Model], prefix: Key = ()) -> Iterator[Key]:
    """Yield the keys that no model of the schema declares."""
    for name, value in tree.items():
        field = model.field(name)
        key = (*prefix, name)
        if field is None:
            if not model.extra:
                yield key
        elif isinstance(value, dict) and key in members:
            yield from unknown_keys(value, members[key], members, key)


def hint(key: Key, schema: Model | None, tree: Mapping[str, Any]) -> str:
    """Name the key that was probably meant, or the member of a union that has it."""
    if schema is not None and (owner := _owner(key, schema)):
        return owner
    known = {".".join(path) for path, _ in schema.keys()} if schema is not None else set()
    known |= {".".join(path) for path, _ in leaves(dict(tree)) if path[0] != "hydra" and (schema is None or path[0] == "xp")}
    if key[0] != "xp":
        known = {path for path in known if not path.startswith("xp")}
    return nearest(".".join(key), known)


def _owner(key: Key, schema: Model) -> str:
    for depth in range(len(key) - 1, 0, -1):
        field = schema.find(key[:depth])
        models = [model.name for model in field.models if model.find(key[depth:])] if field is not None and field.union else []
        if models:
            options = " or ".join(f"{'/'.join(key[:depth])}={name}" for name in models)
            return f"It belongs to {options}."
    return ""


def interpolated(tree: Any) -> bool:
    """Say whether any value of the tree refers to another one, or to the environment."""
    return any(isinstance(value, str) and "${" in value for _, value in leaves(tree))


def resolve(tree: dict[str, Any]) -> dict[str, Any]:
    """Replace every interpolation by what it refers to.

    Raises:
        omegaconf.errors.OmegaConfBaseException: something that is referred to is not there.
    """
    from omegaconf import OmegaConf

    resolved: dict[str, Any] = OmegaConf.to_container(OmegaConf.create(untyped(tree)), resolve=True)  # type: ignore[assignment]
    for key, value in leaves(tree):
        if hasattr(value, "text"):
            put(resolved, key, value)
    return resolved


def without_missing(tree: Any) -> Any:
    """Leave out the values that nobody gave, so that the model says whether it can do without."""
    if isinstance(tree, dict):
        return {key: without_missing(value) for key, value in tree.items() if not _is_missing(value)}
    return tree


def _is_missing(value: Any) -> bool:
    return type(value) is str and value == MISSING





def _parent(tree: Any, key: Key, *, make: bool) -> Any:
    for part in key[:-1]:
        below = child(tree, part)
        if (below is ABSENT or below is None or _is_missing(below)) and make and isinstance(tree, dict):
            below = tree[part] = {}
        tree = below
    return tree if isinstance(tree, dict | list) else ABSENT


def _delete(parent: Any, key: Key, old: Any, value: Any) -> None:
    if old is ABSENT:
        raise AssignmentError("It cannot be deleted, since it is not there.")
    if value is not None and value != old:
        raise AssignmentError(f"It is not deleted, since its value is {old}.")
    if isinstance(parent, list):
        parent.pop(int(key[-1]))
    else:
        del parent[key[-1]]


def _unknown(tree: dict[str, Any], key: Key, schema: Model | None, assignment: Assignment) -> str:
    above = next((key[:depth] for depth in range(len(key) - 1, 0, -1) if get(tree, key[:depth], ABSENT) is not ABSENT), ())
    if above and get(tree, above) is None and schema is not None and (field := schema.find(above)) and field.models:
        options = " or ".join(f"{'/'.join(above)}={model.name}" for model in field.models)
        return f"{'.'.join(above)} is null. Choose an option first: {options}."
    if _open(key, schema) and assignment.verb == "set":
        return f"There is no such key yet. To add it, write +{assignment.text}"
    return f"There is no such key. {hint(key, schema, tree)}".strip()


def _open(key: Key, schema: Model | None) -> bool:
    """Say whether the schema leaves it to the user which keys there are at this place."""
    if schema is None or key[0] == "xp":
        return schema is None
    if schema.find(key[:1]) is None:
        return schema.extra
    for depth in range(len(key) - 1, 0, -1):
        field = schema.find(key[:depth])
        if field is not None:
            return any(model.extra for model in field.models) or field.type.startswith(("dict", "Mapping", "Any"))
    return False
