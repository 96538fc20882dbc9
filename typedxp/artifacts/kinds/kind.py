"""Owns what a kind of artifact is, and how the type of a value is known without importing its library."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kind:
    """How values of one kind are kept in files.

    ``suffixes`` are those that a name may have; the first is appended to a name without any. ``accepts`` says whether
    this kind keeps a value, ``save`` writes it to a path that ends in one of the suffixes, and ``load`` reads it back,
    executing nothing of what the file holds. Where loading cannot keep that promise, the kind is ``unsafe``: it is
    saved only when asked for by name, and loaded only for those who trust the file. A ``sequential`` kind writes its
    file from the beginning to the end, so that it can be summed up while it grows.
    """

    name: str
    suffixes: tuple[str, ...]
    accepts: Callable[[Any], bool]
    save: Callable[[Any, Path], None]
    load: Callable[[Path], Any]
    unsafe: bool = False
    sequential: bool = False


def is_a(value: Any, *names: str) -> bool:
    """Say whether ``value`` is of a type called ``package.module.Type``; a library that is not loaded made no value."""
    for name in names:
        module, _, attribute = name.rpartition(".")
        kind = getattr(sys.modules.get(module), attribute, None)
        if isinstance(kind, type) and isinstance(value, kind):
            return True
    return False


def made_of(value: Any, leaf: Callable[[Any], bool], containers: tuple[type, ...] = (dict, list, tuple)) -> bool:
    """Say whether ``value`` is a ``leaf``, or a nest of ``containers`` of leaves, whatever the keys are.

    It is not if it holds itself.
    """
    try:
        return _made_of(value, leaf, containers)
    except RecursionError:
        return False


def _made_of(value: Any, leaf: Callable[[Any], bool], containers: tuple[type, ...]) -> bool:
    if not isinstance(value, containers):
        return leaf(value)
    items: Any = value.values() if isinstance(value, dict) else value
    return all(_made_of(item, leaf, containers) for item in items)
