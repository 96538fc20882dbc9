"""Owns what can be asked for when results are opened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from typedxp.errors import ResultsError, nearest
from typedxp.results.dimensions import Duplicates

Layout = Literal["grid", "runs", "tree"]
"""How runs are laid out: along the dimensions of a grid, as a list, or as a tree with a grid for each variant."""


@dataclass(frozen=True)
class Request:
    """What is asked for; see :func:`typedxp.open_results`."""

    experiment: str | None = None
    runs: tuple[int, ...] | None = None
    where: str | None = None
    dims: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    layout: Layout | None = None
    duplicates: Duplicates = "newest"
    align: str | None = None

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
            given[name] = _names(given[name])
    if "runs" in given:
        given["runs"] = tuple(int(run) for run in given["runs"])
    return Request(**given)


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _check_word(name: str, word: Any, known: Collection[str]) -> None:
    if word is not None and word not in known:
        raise ResultsError(f"{name} cannot be {word!r}. {nearest(str(word), known)}")
