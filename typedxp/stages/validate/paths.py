"""Owns the paths in a config: where they are, and whether there must be a file."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from typedxp.vocabulary.schema import Key, Model


@dataclass(frozen=True)
class NamedPath:
    """A path in a config; ``must_exist`` where its type is ``FilePath`` or ``DirectoryPath``."""

    key: Key
    path: Path
    must_exist: bool


def named_paths(config: Any, schema: Model, prefix: Key = ()) -> Iterator[NamedPath]:
    """Yield the paths in a config, those in its lists, mappings and models included."""
    for field in schema.fields:
        value = getattr(config, field.name, None)
        place = (*prefix, field.name)
        model = next((model for model in field.models if type(value) is model.type), None)
        if model is not None:
            yield from named_paths(value, model, place)
        elif "Path" in field.type:
            must_exist = field.name in _existing(schema.type)
            yield from (NamedPath(key, path, must_exist) for key, path in _paths(value, place))


def _paths(value: Any, key: Key) -> Iterator[tuple[Key, Path]]:
    if isinstance(value, Path):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _paths(item, (*key, str(name)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _paths(item, (*key, str(index)))


@cache
def _existing(model: Any) -> frozenset[str]:
    """Name the fields of a class whose paths pydantic wants to exist."""
    infos = getattr(model, "model_fields", None) or getattr(model, "__pydantic_fields__", None)
    if infos is not None:
        marks = {name: [*info.metadata, *_marks(info.annotation)] for name, info in infos.items()}
    elif dataclasses.is_dataclass(model):
        marks = {name: list(_marks(hint)) for name, hint in typing.get_type_hints(model, include_extras=True).items()}
    else:
        return frozenset()
    return frozenset(name for name, found in marks.items() if any(_wants(mark) for mark in found))


def _wants(mark: Any) -> bool:
    return getattr(mark, "path_type", None) in ("file", "dir")


def _marks(annotation: Any) -> Iterator[Any]:
    """Yield what is annotated to a type, at whatever depth."""
    yield from getattr(annotation, "__metadata__", ())
    for argument in typing.get_args(annotation):
        yield from _marks(argument)
