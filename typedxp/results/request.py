"""Owns what can be asked for when results are opened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from operator import index
from typing import Any, Literal, get_args

from typedxp.errors import ResultsError, nearest
from typedxp.results.layout.dimensions import Duplicates

Layout = Literal["grid", "runs", "tree"]
"""How runs are laid out: along the dimensions of a grid, as a list, or as a tree with a grid for each variant."""


@dataclass(frozen=True)
class Request:
    """What is asked for; see :func:`typedxp.open_results`. ``opening`` only tells one opening from others, for dask."""

    experiment: str | None = None
    runs: tuple[int, ...] | None = None
    where: str | None = None
    dims: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    layout: Layout | None = None
    duplicates: Duplicates = "newest"
    align: str | None = None
    opening: str | None = None

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of what can be asked for."""
        return tuple(known.name for known in fields(cls))


def make_request(asked: Mapping[str, Any]) -> Request:
    """Make a request of what a user asks for; None asks for nothing.

    Raises:
        ResultsError: a word is not known.
    """
    _check_word("layout", asked.get("layout"), get_args(Layout))
    _check_word("duplicates", asked.get("duplicates"), get_args(Duplicates))
    given = {name: value for name, value in asked.items() if value is not None}
    for name in ("dims", "drop"):
        if name in given:
            given[name] = _names(name, given[name])
    if "runs" in given:
        given["runs"] = _numbers(given["runs"])
    for name in ("experiment", "where", "align"):
        if not isinstance(given.get(name, ""), str):
            raise ResultsError(f"{name} cannot be {given[name]!r}: it is text.")
    rename = given.get("rename", {})
    if not isinstance(rename, Mapping) or not all(isinstance(text, str) for pair in rename.items() for text in pair):
        raise ResultsError(f"rename cannot be {rename!r}: it holds new names by names, as in {{'seed': 'repeat'}}.")
    return Request(**given)


def _names(name: str, given: Any) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(one, str) for one in names):
        raise ResultsError(f"{name} cannot be {given!r}: it is one name, or several.")
    return names


def _numbers(given: Any) -> tuple[int, ...]:
    try:
        numbers = tuple(index(run) for run in given)
    except TypeError:
        numbers = ()
    if not numbers:
        raise ResultsError(f"runs cannot be {given!r}: it is several numbers, as in [1, 2] or range(1, 10).")
    return numbers


def _check_word(name: str, word: Any, known: Collection[str]) -> None:
    if word is not None and word not in known:
        raise ResultsError(f"{name} cannot be {word!r}. {nearest(str(word), known)}")
