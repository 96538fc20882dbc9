"""Owns the description of a config's schema: what declare found in the user's types, and the other stages go by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MISSING = "???"
"""Stands in a composed config for a value that nobody gave; Hydra's and OmegaConf's word for it."""

Key = tuple[str, ...]
"""The place of a value in a config: ``("optimizer", "lr")`` for ``optimizer.lr``."""


@dataclass(frozen=True)
class Field:
    """One field of a model.

    ``default`` holds plain values, or MISSING where the value is required or only the model can make it. ``models`` are
    the models that the value may be an instance of: none for a plain value, several for a union.
    """

    name: str
    type: str
    default: Any = MISSING
    required: bool = False
    aliases: tuple[str, ...] = ()
    description: str | None = None
    unit: str | None = None
    constraints: tuple[str, ...] = ()
    optional: bool = False
    secret: bool = False
    names: tuple[tuple[str, Any], ...] = ()
    """The members of an enum: names, which may be typed for values."""
    models: tuple[Model, ...] = ()
    choice: str | None = None
    """The option that holds the default, where the field is a config group: MISSING if one must be chosen."""
    custom: tuple[Model, Any] | None = None
    """The model and the values of a default that is no option yet, since they differ from the model's own defaults."""

    @property
    def union(self) -> bool:
        """Whether the field is a choice between models, or between a model and nothing."""
        return len(self.models) > 1 or (self.optional and bool(self.models))


@dataclass(frozen=True)
class Model:
    """One class of the schema: ``name`` is its option where it is a member of a union.

    ``tag`` is the discriminator of the union and the value that means this member. An ``extra`` model takes keys that it
    does not declare.
    """

    name: str
    type: Any
    fields: tuple[Field, ...]
    tag: tuple[str, Any] | None = None
    extra: bool = False

    def field(self, name: str) -> Field | None:
        """Return the field called ``name``, by its name or one of its aliases."""
        return next((field for field in self.fields if name == field.name or name in field.aliases), None)

    def keys(self, prefix: Key = ()) -> Iterator[tuple[Key, Field]]:
        """Yield every field below this model with its key, those of all members of a union included."""
        for field in self.fields:
            yield (*prefix, field.name), field
            for model in field.models:
                yield from model.keys((*prefix, field.name))

    def find(self, key: Key) -> Field | None:
        """Return the field at ``key``, in whichever member of a union has it."""
        field = self.field(key[0]) if key else None
        if field is None or len(key) == 1:
            return field
        return next((found for model in field.models if (found := model.find(key[1:]))), None)


@dataclass(frozen=True)
class Option:
    """A value that was added to a config group: ``model`` is None for plain values."""

    group: str
    name: str
    model: Model | None
    values: dict[str, Any]
