"""Owns where cluster profiles come from.

From far to near: the names of the schedulers themselves, the site's directory, the user's, what Python has registered,
and the YAML files in ``xp/profile/`` of the project's config directory, which Hydra finds for an experiment. Of one
name, the nearest is taken.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from typedxp.schedulers.registry import added_by
from typedxp.stages.compose.assign import incomplete
from typedxp.stages.declare.registry import registered
from typedxp.store import yaml
from typedxp.vocabulary.tree import literal

GROUP = "xp/profile"
SITE = Path("/etc/typedxp/profiles")

UNREADABLE = "unreadable"
"""The only setting of what stands for a profile that cannot be used: why."""


@dataclass(frozen=True)
class Found:
    """A profile that has a name: plain values, where they come from, and the places of those that it takes over."""

    origin: str
    values: Mapping[str, Any]
    hidden: tuple[str, ...] = ()

    @property
    def readable(self) -> Mapping[str, Any]:
        """The values, or nothing if they could not be read."""
        return {name: value for name, value in self.values.items() if name != UNREADABLE}


def find_profiles() -> dict[str, Found]:
    """Return all profiles but those of the project's YAML files, by name, the nearest of each name."""
    found = {name: Found(package, {"scheduler": name}) for name, package in added_by().items()}
    for place in (SITE, user_directory()):
        _take(found, _in_directory(place))
    _take(found, ((name, _of_python(value)) for name, value in registered(GROUP).items()))
    return found


def profiles_from_here() -> dict[str, Found]:
    """Return all profiles, by name, with those in a config directory of the working directory."""
    found = find_profiles()
    for place in [*sorted(Path.cwd().glob(f"[!.]*/{GROUP}")), Path.cwd() / GROUP]:
        # Hydra, which reads those of an experiment, knows no other suffix.
        _take(found, _in_directory(place, (".yaml",)))
    return {name: _alone(each) for name, each in found.items()}


def user_directory() -> Path:
    """Name the directory of the user's own profiles."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "typedxp" / "profiles"


def _take(found: dict[str, Found], nearer: Iterable[tuple[str, Found]]) -> None:
    """Put profiles over those of the same names that are farther away."""
    for name, each in nearer:
        before = found.get(name)
        hidden = (before.origin, *before.hidden) if before is not None else ()
        found[name] = replace(each, hidden=hidden)


def _alone(found: Found) -> Found:
    """Refuse what only an experiment's command line can compose."""
    if "defaults" not in found.values:
        return found
    text = "It has a defaults list, which only an experiment reads: python train.py xp/profile=NAME -n."
    return replace(found, values={**found.values, **_unreadable(text)})


def _of_python(value: Any) -> Found:
    """Take a profile that was registered: one that is made of a class means every character as it is."""
    plain = plain_profile(value)
    return Found("Python", plain if isinstance(value, Mapping) else literal(plain))


def _in_directory(place: Path, suffixes: Container[str] = (".yaml", ".yml")) -> Iterator[tuple[str, Found]]:
    """Yield the profiles of a directory; one that cannot be read is there, and refused when it is chosen."""
    try:
        files = sorted(file for file in place.iterdir() if file.suffix in suffixes)
    except OSError:
        return
    for file in files:
        yield file.stem, Found(str(file), _read(file))


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.load_typed(file.read_text("utf-8"))
        broken = incomplete(values)
    except RecursionError:
        return _unreadable("It cannot be read: something in it holds itself.")
    except OSError as error:
        return _unreadable(f"It cannot be read: {error.strerror or error}.")
    except ValueError as error:
        return _unreadable(f"It cannot be read: {_mistake(error)}.")
    if not isinstance(values, dict):
        return _unreadable("It holds no mapping of settings, such as `scheduler: slurm`.")
    if odd := [key for key in _keys(values) if not isinstance(key, str)]:
        return _unreadable(f"It cannot be read: the key {odd[0]!r} is no text; put it in quotes if it is meant so.")
    if broken:
        return _unreadable(f"It cannot be read: {broken[0]!r} is no complete reference.")
    return values


def _keys(tree: Any) -> Iterator[Any]:
    """Yield the keys of all mappings of a tree."""
    for key, value in tree.items() if isinstance(tree, dict) else ():
        yield key
        yield from _keys(value)
    for value in tree if isinstance(tree, list) else ():
        yield from _keys(value)


def _mistake(error: ValueError) -> str:
    """Say in one line what is wrong with YAML, and in which line it is."""
    cause = error.__cause__
    if (mark := getattr(cause, "problem_mark", None)) is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}: {getattr(cause, 'problem', '')}"


def _unreadable(text: str) -> dict[str, Any]:
    """Make what stands for a profile that cannot be used; Hydra must not take a part of the text for a reference."""
    return {UNREADABLE: text.replace("${", "$ {")}


def plain_profile(value: Any) -> Mapping[str, Any]:
    """Return what was given as a profile in Python as plain values; what is none is refused when it is judged."""
    if isinstance(value, Mapping):
        return value
    plain = getattr(value, "plain", None)
    if plain is None or isinstance(value, type):
        return _unreadable(f"{value!r} was given in Python, and is no profile.")
    values: Mapping[str, Any] = plain()
    return values
