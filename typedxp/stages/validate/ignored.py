"""Owns the search for what pydantic ignored: keys that a model inside a list or a mapping does not declare."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from typedxp.vocabulary.schema import Key


def ignored_keys(made: Any, given: Any, key: Key) -> Iterator[tuple[Key, list[str]]]:
    """Yield the keys of ``given`` that pydantic left out of ``made``, each with those that it knows."""
    if getattr(made, "__pydantic_root_model__", False):
        made = made.root
    if isinstance(given, dict) and (fields := _fields(made)) is not None:
        yield from _in_model(made, given, key, fields)
    elif isinstance(given, dict) and isinstance(made, Mapping) and len(given) == len(made):
        # The keys may have become numbers, or members of an enum; their order is the same.
        for (name, item), value in zip(given.items(), made.values(), strict=True):
            yield from ignored_keys(value, item, (*key, str(name)))
    elif isinstance(given, list) and isinstance(made, list | tuple) and len(given) == len(made):
        for index, (item, value) in enumerate(zip(given, made, strict=True)):
            yield from ignored_keys(value, item, (*key, str(index)))


def _in_model(made: Any, given: dict[str, Any], key: Key, fields: Mapping[str, str]) -> Iterator[tuple[Key, list[str]]]:
    for name, item in given.items():
        if name in fields:
            yield from ignored_keys(getattr(made, fields[name], None), item, (*key, name))
        elif not _takes_extra(made):
            yield (*key, str(name)), list(fields)


def _fields(made: Any) -> dict[str, str] | None:
    """Name the fields of an instance of a model by all words that may be used for them, or None for anything else."""
    infos = getattr(type(made), "model_fields", None) or getattr(type(made), "__pydantic_fields__", None)
    if infos is None:
        return {item.name: item.name for item in dataclasses.fields(made)} if dataclasses.is_dataclass(made) else None
    words = {name: name for name in infos}
    for name, info in infos.items():
        choices = getattr(info.validation_alias, "choices", [info.validation_alias])
        words |= {word: name for word in (info.alias, *choices) if isinstance(word, str)}
    return words


def _takes_extra(made: Any) -> bool:
    config = getattr(made, "model_config", None) or getattr(made, "__pydantic_config__", None) or {}
    return bool(config.get("extra") == "allow")
