"""Owns which kind an artifact is of: the table of kinds, those of installed packages, and the choice among them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from typedxp.artifacts.kinds.files import DIRECTORY, FILE, is_path
from typedxp.artifacts.kinds.kind import Kind
from typedxp.errors import RecordError, TypedxpError, nearest

GROUP = "typedxp.artifacts"
"""The entry points of packages that bring kinds of their own."""

# In this order where several kinds take a value: named arrays are no JSON, and what JSON can say is no state of torch.
_FAMILIES = ("arrays", "plain", "tables", "labelled", "images", "tensors", "pickles")


@cache
def built_in() -> tuple[Kind, ...]:
    """Return our own kinds. They are loaded by name when first asked for, as those of packages are."""
    families = [import_module(f"typedxp.artifacts.kinds.{family}") for family in _FAMILIES]
    return (*(kind for family in families for kind in family.KINDS), FILE, DIRECTORY)


def choose(value: Any, name: str, kind: str | None = None) -> tuple[Kind, str]:
    """Return the kind that keeps ``value`` under ``name``, and the name, with the natural suffix if it had none.

    Raises:
        RecordError: no kind keeps such a value, or none under this suffix.
    """
    if is_path(value):
        return _choose_copy(Path(value), name, kind)
    suffix = PurePosixPath(name).suffix
    fitting: list[Kind] = []
    broken: list[TypedxpError] = []
    for candidate in _candidates(value, kind, broken):
        fitting.append(candidate)
        if not suffix:
            return candidate, name + candidate.suffixes[0]
        if suffix.lower() in candidate.suffixes:
            return candidate, name
    refusal = _refusal_of_suffix(value, name, suffix, fitting) if fitting else _refusal(value, name, kind)
    raise RecordError("\n".join([refusal, *map(str, broken)]))


def find(name: str) -> Kind | None:
    """Return the kind called ``name``, or None if nobody knows it.

    Raises:
        TypedxpError: it comes from a package, and does not load.
    """
    for kind in built_in():
        if kind.name == name:
            return kind
    for found in _plugins(name):
        if isinstance(found, TypedxpError):
            raise found
        return found
    return None


def _candidates(value: Any, name: str | None, broken: list[TypedxpError]) -> Iterator[Kind]:
    """Yield the kinds that keep ``value``, ours first; packages are looked up only if none of ours is taken."""
    if name is not None:
        kind = _named(name)
        if kind.accepts(value):
            yield kind
        return
    yield from (kind for kind in built_in() if not kind.unsafe and kind.accepts(value))
    for plugin in _plugins():
        if isinstance(plugin, TypedxpError):
            broken.append(plugin)
        elif not plugin.unsafe and _accepts(plugin, value, broken):
            yield plugin


def _accepts(plugin: Kind, value: Any, broken: list[TypedxpError]) -> bool:
    try:
        return bool(plugin.accepts(value))
    except Exception as error:  # noqa: BLE001 - a package can fail in any way, and must not keep others from the value
        failure = f"{type(error).__name__}: {error}"
        broken.append(
            TypedxpError(f"The kind of artifact {plugin.name!r} fails on a {type(value).__name__}: {failure}")
        )
        return False


def _named(name: str) -> Kind:
    kind = find(name)
    if kind is None:
        raise RecordError(
            f"No kind of artifact is called {name!r}. {nearest(name, [known.name for known in built_in()])}"
        )
    return kind


def _choose_copy(source: Path, name: str, kind: str | None) -> tuple[Kind, str]:
    """Choose how to keep a copy of ``source``: as it is, or as the ``kind`` that its file is said to be of."""
    if not source.exists():
        raise RecordError(f"There is no {source} to save as artifact {name!r}.")
    if source.is_dir():
        return DIRECTORY, name
    if not PurePosixPath(name).suffix:
        name += source.suffix
    return (FILE if kind is None else dataclasses.replace(FILE, name=_named(kind).name)), name


def _refusal(value: Any, name: str, kind: str | None) -> str:
    what = f"{name!r} is a {type(value).__module__}.{type(value).__qualname__}"
    if kind is not None:
        return f"{what}, which artifacts of kind {kind!r} cannot hold."
    known = ", ".join(kind.name for kind in built_in())
    return (
        f"{what}, which no kind of artifact holds ({known}). "
        "Make plain values or arrays of it, write a file and give its Path, or ask for kind='pickle'."
    )


def _refusal_of_suffix(value: Any, name: str, suffix: str, fitting: list[Kind]) -> str:
    suffixes = ", ".join(dict.fromkeys(suffix for kind in fitting for suffix in kind.suffixes))
    hint = ""
    if suffix in (suffix for kind in built_in() if kind.unsafe for suffix in kind.suffixes):
        hint = " A pickle is made only when asked for: kind='pickle'."
    elif isinstance(value, str) and os.path.lexists(value):
        hint = f" To copy the file, give Path({value!r})."
    return f"A {type(value).__name__} cannot be saved as {name!r}, but under one of the suffixes {suffixes}.{hint}"


def _plugins(name: str | None = None) -> Iterator[Kind | TypedxpError]:
    """Yield the kinds of installed packages, or what is wrong with them."""
    # Late, since most runs need no packages to be looked up.
    from importlib.metadata import entry_points

    for plugin in entry_points(group=GROUP) if name is None else entry_points(group=GROUP, name=name):
        try:
            yield _kind(plugin.load())
        except Exception as error:  # noqa: BLE001 - a package can fail in any way, and must not break others
            package = plugin.dist.name if plugin.dist else plugin.value
            failure = TypedxpError(
                f"The kind of artifact {plugin.name!r} from the package {package!r} does not load: "
                f"{type(error).__name__}: {error}"
            )
            failure.__cause__ = error
            yield failure


def _kind(made: Any) -> Kind:
    """Check what a package brings: an object, or a class of it, with the attributes of a kind."""
    if isinstance(made, type):
        made = made()
    suffixes = tuple(map(str, made.suffixes))
    if not suffixes or not all(suffix.startswith(".") for suffix in suffixes):
        raise ValueError(f"its suffixes are {suffixes!r}: give at least one, beginning with a dot")
    return Kind(str(made.name), suffixes, made.accepts, made.save, made.load, bool(getattr(made, "unsafe", False)))
