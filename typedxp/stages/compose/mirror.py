"""Owns the schema's image in Hydra's ConfigStore: one untyped node per option of every config group.

The nodes hold values and structure only. A typed node would make OmegaConf refuse one value at a time, in the middle of
composition; pydantic judges everything at once afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typedxp.errors import DeclarationError
from typedxp.vocabulary.schema import MISSING, Field, Key, Model, Option
from typedxp.vocabulary.tree import copy


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
        if option.model is None:
            self.nodes.append(Node(option.group, option.name, option.values))
        else:
            self._member(key, option.name, option.model, option.values)

    def _member(self, key: Key, name: str, model: Model, values: Mapping[str, Any] | None) -> None:
        group = "/".join(key)
        known = self.members.get((group, name))
        if known is not None and known.type is not model.type:
            raise DeclarationError(
                f"The option {group}={name} would mean both {known.type.__name__} and {model.type.__name__}: rename one."
            )
        self.members[group, name] = model
        content, defaults = self._content(model, key, values, name)
        entries = [{inner.removeprefix(f"{group}/"): choice} for inner, choice in defaults.items()]
        self.nodes.append(Node(group, name, {"defaults": [*entries, "_self_"], **content} if entries else content))

    def _content(
        self, model: Model, key: Key, values: Mapping[str, Any] | None, option: str = "default"
    ) -> tuple[dict[str, Any], dict[str, str | None]]:
        """Return the plain values of a model, and the options that its config groups start with.

        ``values`` replace the model's own defaults; ``option`` is what they are called in the groups below.
        """
        content: dict[str, Any] = {}
        defaults: dict[str, str | None] = {}
        for field in model.fields:
            below = (*key, field.name)
            given = values.get(field.name, MISSING) if values is not None else MISSING
            if self.is_group(below, field):
                defaults["/".join(below)] = self._group(field, below, given, option)
            elif field.models:
                member, inner = field.custom or (field.models[0], None)
                content[field.name], deeper = self._content(member, below, given if isinstance(given, dict) else inner, option)
                defaults |= deeper
            else:
                content[field.name] = copy(field.default if values is None else given)
        if model.tag is not None:
            content[model.tag[0]] = model.tag[1]
        return content, defaults

    def _group(self, field: Field, key: Key, given: Any, option: str) -> str | None:
        """Make the options of one config group; return the one it starts with."""
        group = "/".join(key)
        for model in field.models:
            if (group, model.name) not in self.members:
                self._member(key, model.name, model, None)
        if field.custom is not None and (group, "default") not in self.members:
            self._member(key, "default", *field.custom)
        if isinstance(given, dict):
            member = next((m for m in field.models if m.tag and given.get(m.tag[0]) == m.tag[1]), field.models[0])
            self._member(key, option, member, given)
            return option
        return field.choice if given == MISSING else None


def groups(schema: Model, prefix: Key = ()) -> Iterator[tuple[Key, Field]]:
    """Yield every field that can be a config group, with its key: those that hold models."""
    for key, field in schema.keys(prefix):
        if field.models:
            yield key, field
