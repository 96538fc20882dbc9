"""Owns the schema's image in Hydra's ConfigStore: one untyped node per option of every config group.

The nodes hold values and structure only. A typed node would make OmegaConf refuse one value at a time, in the middle of
composition; pydantic judges everything at once afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typedxp.errors import DeclarationError
from typedxp.vocabulary.schema import MISSING, Field, Key, Made, Model, Option
from typedxp.vocabulary.tree import literal


@dataclass(frozen=True)
class Node:
    """What the ConfigStore holds under one name. ``group`` is empty for the schema itself."""

    group: str
    name: str
    content: dict[str, Any]


@dataclass
class Mirror:
    """The nodes of one schema. ``groups`` are the config groups, ``members`` says which model an option stands for."""

    schema: Model
    groups: frozenset[str]

    def __post_init__(self) -> None:
        self.nodes: list[Node] = []
        self.members: dict[tuple[str, str], Model] = {}

    def build(self, name: str, options: Sequence[Option]) -> dict[str, str | None]:
        """Make the nodes; return the option that each group of the schema itself starts with."""
        content, defaults = self._content(self.schema, (), None)
        self.nodes.append(Node("", name, content))
        for option in options:
            self._add_option(option)
        return defaults

    def is_group(self, key: Key, field: Field) -> bool:
        """Whether the field at ``key`` is a config group."""
        return bool(field.models) and (field.union or "/".join(key) in self.groups)

    def _add_option(self, option: Option) -> None:
        key = tuple(option.group.split("/"))
        if isinstance(option.value, Mapping):
            self.nodes.append(Node(option.group, option.name, dict(option.value)))
        else:
            self._member(key, option.name, option.value)

    def _member(self, key: Key, name: str, value: Model | Made) -> None:
        """Make the node of one option: a model with its own defaults, or an instance."""
        group = "/".join(key)
        model = value.model if isinstance(value, Made) else value
        known = self.members.get((group, name))
        if known is not None and known.type is not model.type:
            both = f"{known.type.__name__} and {model.type.__name__}"
            raise DeclarationError(f"The option {group}={name} would mean both {both}: rename one.")
        self.members[group, name] = model
        content, defaults = self._content(model, key, value if isinstance(value, Made) else None, name)
        entries = [{inner.removeprefix(f"{group}/"): choice} for inner, choice in defaults.items()]
        self.nodes.append(Node(group, name, {"defaults": ["_self_", *entries], **content} if entries else content))

    def _content(
        self, model: Model, key: Key, made: Made | None, option: str = "default"
    ) -> tuple[dict[str, Any], dict[str, str | None]]:
        """Return the plain values of a model, and the options that its config groups start with.

        ``made`` replaces the model's own defaults; ``option`` is what its parts are called in the groups below.
        """
        content: dict[str, Any] = literal(made.tree()) if made is not None else {}
        defaults: dict[str, str | None] = {}
        for field in model.fields:
            below = (*key, field.name)
            start = _start(field) if made is None else made.values[field.name]
            if self.is_group(below, field):
                choice = self._group(field, below, start, option)
                content.pop(field.name, None)
                if choice in (None, MISSING):
                    # Null or missing until somebody chooses: Hydra itself would refuse to go on without a choice.
                    content[field.name] = choice
                defaults["/".join(below)] = None if choice == MISSING else choice
            elif field.models and start is not None:
                part = start if isinstance(start, Made) else None
                content[field.name], deeper = self._content(
                    part.model if part else field.models[0], below, part, option
                )
                defaults |= deeper
            else:
                content[field.name] = literal(start)
        if model.tag is not None:
            content[model.tag[0]] = model.tag[1]
        return content, defaults

    def _group(self, field: Field, key: Key, start: Any, option: str) -> str | None:
        """Make the options of one config group; return the one it starts with."""
        for model in field.models:
            if ("/".join(key), model.name) not in self.members:
                self._member(key, model.name, model)
        if isinstance(start, Model):
            return start.name
        if not isinstance(start, Made):
            return MISSING if start == MISSING else None
        if start.ordinary:
            return start.model.name
        self._member(key, option, start)
        return option


def _start(field: Field) -> Any:
    """Return what a field starts with: plain values, a model with its own defaults, an instance, null or MISSING."""
    if not field.models:
        return field.default
    return field.custom or next((model for model in field.models if model.name == field.choice), field.choice)


def groups(schema: Model, prefix: Key = ()) -> Iterator[tuple[Key, Field]]:
    """Yield every field that can be a config group, with its key: those that hold models."""
    for key, field in schema.keys(prefix):
        if field.models:
            yield key, field
