"""Owns what an override does to a plain tree: the way Hydra does it, with words of our own for what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from typedxp.stages.compose.grammar import typed
from typedxp.stages.compose.structure import hint, near_group, null_above
from typedxp.vocabulary.plan import Assignment
from typedxp.vocabulary.schema import MISSING, Key, Model
from typedxp.vocabulary.tree import ABSENT, child, copy, leaves, put, untyped


class AssignmentError(ValueError):
    """An override that does not fit the tree at ``key``."""

    def __init__(self, key: Key, message: str) -> None:
        super().__init__(message)
        self.key = key


def assign(
    tree: dict[str, Any],
    assignment: Assignment,
    key: Key,
    value: Any,
    schema: Model | None,
    spell: Callable[[Key], Key],
    *,
    groups: Callable[[], Sequence[str]],
) -> None:
    """Apply one override to ``tree``: a mapping is merged, anything else replaces what was there.

    ``spell`` spells a key by the names of its fields, ``groups`` names the config groups, one of which may be meant.

    Raises:
        AssignmentError: the key is not there, or there already, or leads through something that is no mapping.
    """
    parent = _parent(tree, key, make=assignment.verb in ("add", "force"))
    if parent is ABSENT:
        raise AssignmentError(key, _unknown(tree, key, schema, assignment, groups()))
    old = child(parent, key[-1])
    if assignment.verb == "delete":
        _delete(parent, key, old, value)
    elif assignment.verb == "add" and not _vacant(old) and not isinstance(value, dict | list):
        raise AssignmentError(key, f"It is there already. Set it without the '+': {assignment.text.lstrip('+')}")
    elif assignment.verb == "set" and old is ABSENT:
        raise AssignmentError(key, _unknown(tree, key, schema, assignment, groups()))
    elif isinstance(value, dict) and isinstance(old, dict) and assignment.verb != "replace":
        # A mapping that is added is merged into one that is there, and replaces its values: Hydra does so, too.
        below = replace(assignment, verb="force") if assignment.verb == "add" else assignment
        for name, item in value.items():
            assign(tree, below, spell((*key, str(name))), item, schema, spell, groups=groups)
    elif isinstance(parent, list) and old is ABSENT:
        _append(parent, key, value)
    else:
        put(parent, key[-1:], copy(value))


def interpolated(tree: Any, sign: str = "${") -> bool:
    """Say whether any value of the tree refers to another one, to the environment, or to what ``sign`` tells."""
    return any(isinstance(value, str) and sign in value for _, value in leaves(tree))


def incomplete(tree: Any) -> list[str]:
    """Return the texts of the tree that begin a reference and do not end it."""
    texts = [value for _, value in leaves(tree) if isinstance(value, str) and "${" in value]
    return [text for text in texts if not _complete(text)]


def _complete(text: str) -> bool:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        OmegaConf.create([text])
    except OmegaConfBaseException:
        return False
    return True


def resolve(tree: dict[str, Any]) -> tuple[dict[str, Any], dict[Key, str]]:
    """Replace every interpolation by what it refers to; tell those that refer to nothing, by key."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    refused: dict[Key, str] = {}
    resolved: dict[str, Any] = copy(tree)
    wrong = set(incomplete(tree))
    for key, value in leaves(tree):
        if isinstance(value, str) and value in wrong:
            refused[key] = "This is no complete reference: write ${KEY}, or \\${ for the two characters themselves."
            put(resolved, key, None)
    tree = copy(resolved)
    config = OmegaConf.create(untyped(tree))
    for key, value in leaves(tree):
        if isinstance(value, str) and "${" in value:
            try:
                put(resolved, key, _referred(config, key))
            except (OmegaConfBaseException, ValueError) as error:
                refused[key] = str(error).partition("\n")[0]
    return resolved, refused


def _referred(config: Any, key: Key) -> Any:
    from omegaconf import OmegaConf

    value = config
    for part in key:
        value = (
            value[int(part)] if OmegaConf.is_list(value) else value[next(name for name in value if str(name) == part)]
        )
    if OmegaConf.is_config(value):
        value = OmegaConf.to_container(value, resolve=True)
    # A field of text gets a number's text, as if it had been typed there.
    return typed(value, str(value))


def without_missing(tree: Any) -> Any:
    """Leave out the values that nobody gave, so that the model says whether it can do without."""
    if isinstance(tree, dict):
        return {key: without_missing(value) for key, value in tree.items() if not _is_missing(value)}
    return tree


def _vacant(value: Any) -> bool:
    return value is ABSENT or value is None or _is_missing(value)


def _is_missing(value: Any) -> bool:
    return type(value) is str and value == MISSING


def _parent(tree: Any, key: Key, *, make: bool) -> Any:
    for part in key[:-1]:
        below = child(tree, part)
        if _vacant(below) and make and isinstance(tree, dict):
            below = tree[part] = {}
        tree = below
    return tree if isinstance(tree, dict | list) else ABSENT


def _append(parent: list[Any], key: Key, value: Any) -> None:
    if key[-1] != str(len(parent)):
        raise AssignmentError(key, f"The list has {len(parent)} elements; the next one would be {len(parent)}.")
    parent.append(copy(value))


def _delete(parent: Any, key: Key, old: Any, value: Any) -> None:
    if old is ABSENT:
        raise AssignmentError(key, "It cannot be deleted, since it is not there.")
    if value is not None and value != old:
        raise AssignmentError(key, f"It is not deleted, since its value is {old}.")
    if isinstance(parent, list):
        parent.pop(int(key[-1]))
    else:
        del parent[key[-1]]


def _unknown(
    tree: dict[str, Any], key: Key, schema: Model | None, assignment: Assignment, groups: Sequence[str]
) -> str:
    if text := null_above(tree, key, schema):
        return text
    if _open(key, schema) and assignment.verb == "set":
        advice = f"To add it, write +{assignment.text}"
        near = near_group(key, groups)
        return " ".join(filter(None, ("There is no such key yet.", near, "" if near and "/" in key[-1] else advice)))
    return f"There is no such key. {hint(key, schema, tree, groups)}".strip()


def _open(key: Key, schema: Model | None) -> bool:
    """Say whether the schema leaves it to the user which keys there are at this place."""
    if schema is None or key[0] == "xp":
        return key[0] != "xp"
    if schema.find(key[:1]) is None:
        return schema.extra
    for depth in range(len(key) - 1, 0, -1):
        field = schema.find(key[:depth])
        if field is not None:
            return any(model.extra for model in field.models) or field.type.startswith(("dict", "Mapping", "Any"))
    return False
