"""Owns the description of a config's schema: what declare found in the user's types, and the other stages go by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    """Words that may be typed for the members of the enums in its type, and what pydantic takes for them."""
    models: tuple[Model, ...] = ()
    nested: bool = False
    """Whether there may be models inside, where it is no choice between models: ``list[Layer]``, ``Adam | str``."""
    veiled: frozenset[str] = frozenset()
    """What the secret fields of those models are called."""
    choice: str | None = None
    """The option that holds the default, where the field is a config group: MISSING if one must be chosen."""
    custom: Made | None = None
    """A default that is no option yet, since its values differ from the model's own defaults."""

    @property
    def union(self) -> bool:
        """Whether the field is a choice between models, or between a model and nothing."""
        return len(self.models) > 1 or (self.optional and bool(self.models))


@dataclass(frozen=True)
class Model:
    """One class of the schema: ``name`` is its option where it is a member of a union.

    ``tag`` is the discriminator of the union and the value that means this member; the same class is a member once for
    each of the values in ``tags``. An ``extra`` model takes keys that it does not declare.
    """

    name: str
    type: Any
    fields: tuple[Field, ...]
    tag: tuple[str, Any] | None = None
    extra: bool = False
    tags: tuple[Any, ...] = ()

    def field(self, name: str) -> Field | None:
        """Return the field called ``name``, by its name or one of its aliases."""
        return next((field for field in self.fields if name == field.name or name in field.aliases), None)

    def spelled(self, key: Key, members: Mapping[Key, Model] | None = None, prefix: Key = ()) -> Key:
        """Spell a key by the names of its fields, where aliases were used; ``members`` says whose they are."""
        field = self.field(key[0]) if key else None
        if field is None:
            return key
        place = (*prefix, field.name)
        models = (members[place],) if members and place in members else field.models
        inner = next((model for model in models if len(key) > 1 and model.field(key[1])), None)
        return (field.name, *(inner.spelled(key[1:], members, place) if inner is not None else key[1:]))

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
class Made:
    """An instance of a model, taken apart: its ``values`` are plain, or instances of other models taken apart.

    ``ordinary`` says that all of them are the model's own defaults.
    """

    model: Model
    values: Mapping[str, Any]
    ordinary: bool

    def tree(self) -> dict[str, Any]:
        """Return plain values only."""
        return {name: value.tree() if isinstance(value, Made) else value for name, value in self.values.items()}

    def members(self, prefix: Key = ()) -> Iterator[tuple[Key, Model]]:
        """Yield which model each field below holds, with the key of the field."""
        for name, value in self.values.items():
            if isinstance(value, Made):
                yield (*prefix, name), value.model
                yield from value.members((*prefix, name))


@dataclass(frozen=True)
class Option:
    """A value that was added to a config group: a model with its own defaults, an instance of it, or plain values."""

    group: str
    name: str
    value: Model | Made | Mapping[str, Any]
