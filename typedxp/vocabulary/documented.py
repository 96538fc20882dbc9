"""Owns what is written down of a schema, so that runs can still be read when it has changed.

As with the records of runs, the classes are plain dataclasses whose field names are the keys in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from typedxp.vocabulary.records import FORMAT
from typedxp.vocabulary.schema import MISSING, Field, Made, Model


@dataclass(frozen=True)
class DocumentedField:
    """What was declared of one field of a config.

    ``default`` is a plain value, the name of the option where the field is a config group, and ``???`` where there is
    none, where it is made anew for every run, and for secrets. ``members`` tells fields of the same key apart: it maps
    each union above the field, by dotted key, to the option that has this field.
    """

    type: str
    default: Any = MISSING
    required: bool = False
    description: str | None = None
    unit: str | None = None
    aliases: tuple[str, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DocumentedSchema:
    """The content of documents/DIGEST.json: the fields of a schema by dotted key, those of all members of unions.

    A key has several fields only where several members of a union have it.
    """

    format: int = field(default=FORMAT, kw_only=True)
    fields: Mapping[str, tuple[DocumentedField, ...]]

    def field(self, key: str, choices: Mapping[str, str | None]) -> DocumentedField | None:
        """Return the field at ``key``: of several the one in the chosen options, or the first if that is not known."""
        found = self.fields.get(key, ())
        fitting = (item for item in found if all(choices.get(place) == name for place, name in item.members.items()))
        return next(fitting, found[0] if found else None)


def document(schema: Model) -> DocumentedSchema:
    """Write down what a schema declares; the defaults of secrets are left out."""
    fields: dict[str, tuple[DocumentedField, ...]] = {}
    for key, found in _walk(schema, "", {}, None):
        fields[key] = (*fields.get(key, ()), found)
    return DocumentedSchema(fields)


def _walk(
    model: Model, prefix: str, members: Mapping[str, str], default: Made | None
) -> Iterator[tuple[str, DocumentedField]]:
    """Yield every field below a model; ``default`` is the instance that its fields get their values from, if any."""
    for item in model.fields:
        key = f"{prefix}{item.name}"
        yield key, _documented(item, members, default)
        inside = default.values.get(item.name) if default is not None else item.custom
        for member in item.models:
            # The members of a union that are chosen by name have their own defaults.
            made = inside if isinstance(inside, Made) and not item.union else None
            yield from _walk(member, f"{key}.", {**members, key: member.name} if item.union else members, made)


def _documented(item: Field, members: Mapping[str, str], made: Made | None) -> DocumentedField:
    spelt = f"enum of {item.type}" if item.names else item.type
    return DocumentedField(
        spelt, _default(item, made), item.required, item.description, item.unit, item.aliases, members
    )


def _default(item: Field, made: Made | None) -> Any:
    if made is None or item.name not in made.values:
        return item.choice if item.union else item.default
    value = made.values[item.name]
    if isinstance(value, Made) and item.union:
        return value.model.name if value.ordinary else "default"
    return MISSING if isinstance(value, Made) or item.secret or item.veiled else value
