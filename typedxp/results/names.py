"""Owns what things are called in a dataset: dimensions, by short names where those are clear, and variables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

RUN = "run"
STATUS = "status"
REPEAT = "repeat"

RESERVED = frozenset({RUN, STATUS, REPEAT, "attempt", "cause", "code", "peak_memory", "verified", "wall"})
"""The names of the coordinates that tell about the runs: nothing else is called so."""


def step_name(stream: str) -> str:
    """Return the name of the dimension along which a stream has its records."""
    return f"{stream}.step"


def variable_name(stream: str, column: str, columns: Collection[str]) -> str:
    """Return the name of the variable for a column, one of the ``columns`` of a stream.

    A column called ``step`` becomes ``<stream>.step_``, since ``<stream>.step`` is the dimension.
    """
    name = column if column != "step" else unused("step_", columns)
    return f"{stream}.{name}"


def dimension_names(
    keys: Sequence[str], reserved: Collection[str] = (), rename: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Name each key by as few of its last parts as tell it from the other keys, or by the full key.

    The names are all different, and none is that of a coordinate about the runs or ``reserved``. ``rename`` holds other
    names for keys, by the name that they would have or by the full key.
    """
    taken = {*RESERVED, *reserved}
    names = {key: short if (short := _shortest(key, keys)) not in taken else key for key in keys}
    names |= {key: (rename or {}).get(key) or (rename or {}).get(name) or name for key, name in names.items()}
    for key in keys:
        others = {name for other, name in names.items() if other != key}
        names[key] = unused(names[key], taken | others)
    return names


def unused(name: str, taken: Collection[str]) -> str:
    """Return the name, with underscores after it if it is taken."""
    while name in taken:
        name += "_"
    return name


def _shortest(key: str, keys: Sequence[str]) -> str:
    others = [other for other in keys if other != key]
    return next(suffix for suffix in _suffixes(key) if suffix == key or not _ends_any(others, suffix))


def _suffixes(key: str) -> Iterable[str]:
    parts = key.split(".")
    return (".".join(parts[start:]) for start in reversed(range(len(parts))))


def _ends_any(keys: Iterable[str], suffix: str) -> bool:
    return any(f".{key}".endswith(f".{suffix}") for key in keys)
