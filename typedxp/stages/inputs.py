"""Owns the data that the configs of a plan name: each file or directory is looked at once, before there is any run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from typedxp.artifacts.inputs import sum_up_input
from typedxp.vocabulary.inputs import InputPath, InputRecord

Announce = Callable[[Path, int], None]
"""Is told of data that is about to be read, and of how many bytes."""


def sum_up_inputs(configs: Iterable[Any], announce: Announce | None = None) -> list[dict[str, InputRecord]]:
    """Return for each config the data that its fields of type InputPath name, by dotted key.

    Raises:
        RecordError: a file or directory cannot be read, or changes at this time.
    """
    known: dict[InputPath, InputRecord] = {}
    found = []
    for config in configs:
        named = dict(input_paths(config))
        for path in named.values():
            if path not in known:
                known[path] = sum_up_input(path, announce)
        found.append({key: known[path] for key, path in named.items()})
    return found


def input_paths(value: Any, key: str = "") -> Iterator[tuple[str, InputPath]]:
    """Yield every InputPath in a config with its dotted key: those in nested models, lists and mappings, too."""
    if isinstance(value, InputPath):
        yield key, value
        return
    for name, item in _inside(value):
        if not isinstance(item, str | int | float | None):
            yield from input_paths(item, f"{key}.{name}" if key else str(name))


def _inside(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return value.items() if isinstance(value, dict) else ()
    if isinstance(value, list | tuple):
        return enumerate(value)
    if isinstance(value, set | frozenset):
        return enumerate(sorted(item for item in value if isinstance(item, InputPath)))
    if hasattr(type(value), "__pydantic_fields__"):
        return dict(vars(value)).items()
    if dataclasses.is_dataclass(value):
        return ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    return ()
