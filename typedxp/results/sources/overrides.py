"""Owns reading the overrides that Hydra wrote down for a job: which keys a sweep swept, and what a job has for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from typedxp.vocabulary.tree import ABSENT, get, split

_OVERRIDE = re.compile(r"\+{0,2}(?P<key>[^~+=][^=]*)=(?P<value>.*)", re.DOTALL)


def read_overrides(lines: Iterable[Any]) -> dict[str, str]:
    """Take overrides apart into keys and what stands behind the ``=``; what was taken away with ``~`` has no value."""
    found = (_OVERRIDE.fullmatch(line) for line in lines if isinstance(line, str))
    return {match["key"]: match["value"] for match in found if match and not _is_hydra(match["key"])}


def read_choices(choices: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the option of every config group, by dotted key; several options of one are joined by commas."""
    return {_dotted(group): _option(option) for group, option in choices.items() if not _is_hydra(group)}


def swept(
    overrides: Mapping[str, str], keys: Iterable[str], config: Mapping[str, Any], choices: Mapping[str, str | None]
) -> dict[str, Any]:
    """Return what a job has for the swept keys: the option of a group, or the value in the config.

    What is not in the config, such as the key of a group that it does not have, is as it was typed.
    """
    point = {}
    for key in keys:
        name = _dotted(key)
        value = choices[name] if name in choices else get(config, split(key), ABSENT)
        point[name] = overrides.get(key) if value is ABSENT else value
    return point


def _is_hydra(key: str) -> bool:
    return re.match(r"hydra([./@]|$)", key) is not None


def _dotted(key: str) -> str:
    """Return the place in the config that a group fills: its own name, if it was not given a package."""
    group, _, package = key.partition("@")
    # The package may have been moved: `db@old:new`.
    place = package.rpartition(":")[2]
    return group.replace("/", ".") if not place or place.startswith("_") else place


def _option(option: Any) -> str | None:
    if option is None:
        return None
    return ",".join(map(str, option)) if isinstance(option, list) else str(option)
