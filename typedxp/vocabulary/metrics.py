"""Owns the declaration of what a run logs: streams and metrics with types, dimensions, units and descriptions."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from typedxp.errors import nearest

if TYPE_CHECKING:
    # So that type checkers take the names of dimensions for what they are, and not for types.
    from typing import Literal as Array

__all__ = [
    "SUMMARY",
    "SYSTEM",
    "Array",
    "Declared",
    "Description",
    "Dimensions",
    "Metrics",
    "Sizes",
    "Stream",
    "Unit",
    "Variable",
    "merge_sizes",
    "misfit",
    "sizes",
]

RecordT = TypeVar("RecordT")

SUMMARY = "summary"
"""The stream of the metrics that a run has once, and not step by step."""

SYSTEM = "system"
"""The stream of the samples of the machine."""

_ACCEPTED: dict[str, tuple[type, ...]] = {"bool": (), "int": (int,), "float": (int, float), "str": (str,)}

Sizes = tuple[int, ...]
"""The sizes of an array along its dimensions: none for a scalar."""


@dataclass(frozen=True)
class Unit:
    """The unit of a metric, as in ``Annotated[float, Unit("m/s")]``."""

    name: str


@dataclass(frozen=True)
class Description:
    """What a metric means, as in ``Annotated[float, Description("mean over the batch")]``."""

    text: str


@dataclass(frozen=True)
class Dimensions:
    """The names of the dimensions of a metric that is an array."""

    names: tuple[Any, ...]


if not TYPE_CHECKING:

    class Array:
        """A metric that is an array of floats with named dimensions: ``confusion: Array["true", "predicted"]``."""

        def __class_getitem__(cls, names: Any) -> Any:
            """Name the dimensions."""
            return typing.Annotated[float, Dimensions(names if isinstance(names, tuple) else (names,))]


class Stream(Generic[RecordT]):
    """A stream whose records have the annotated names of a class: ``train: Stream[TrainStep]``.

    The class may be a plain one, a dataclass, a TypedDict or a pydantic model; it is never made an instance of.
    """


class Metrics:
    """What a run logs: annotate the names of a subclass, and the run with it, as in ``run: Run[MyMetrics]``.

    A name is a :class:`Stream`, or a metric that is logged once: bool, int, float, str or :class:`Array`. Units and
    descriptions are annotated by :class:`Unit` and :class:`Description`, or by pydantic's ``Field(description=...,
    json_schema_extra={"unit": ...})``.
    """


@dataclass(frozen=True)
class Variable:
    """One declared metric: ``dtype`` is bool, int, float or str, ``dims`` are its own dimensions."""

    dtype: str
    dims: tuple[str, ...] = ()
    unit: str | None = None
    description: str | None = None


Declared = Mapping[str, Mapping[str, Variable]]
"""The declared metrics of every stream, by name."""


def misfit(streams: Declared, stream: str, record: Mapping[str, Any]) -> str | None:
    """Say why a record of plain values does not fit the declaration of its stream; None if it does.

    ``step`` fits, declared or not.
    """
    variables = streams.get(stream)
    if variables is None:
        return f"The stream {stream!r} is not declared. {nearest(stream, streams)}"
    problems = []
    for key, value in record.items():
        variable = variables.get(key)
        if variable is not None:
            problems.append(_misfit(key, variable, value))
        elif key != "step":
            problems.append(_undeclared(streams, stream, key))
    return " ".join(filter(None, problems)) or None


def sizes(value: Any) -> Sizes | None:
    """Return the sizes of a nested list along its dimensions, () of a scalar, and None of a list that is ragged."""
    if not isinstance(value, list | tuple):
        return ()
    inner = {sizes(item) for item in value if isinstance(item, list | tuple)}
    if not inner:
        return (len(value),)
    first = inner.pop()
    ragged = inner or first is None or not all(isinstance(item, list | tuple) for item in value)
    return None if ragged or first is None else (len(value), *first)


def merge_sizes(first: Sequence[int], second: Sequence[int]) -> Sizes:
    """Return the sizes of the smallest array that holds arrays of both sizes."""
    return tuple(map(max, zip_longest(first, second, fillvalue=0)))


def _undeclared(streams: Declared, stream: str, key: Any) -> str:
    home = next((name for name, variables in streams.items() if key in variables), None)
    if home is not None:
        return f"The metric {key!r} is declared in the stream {home!r}, not in {stream!r}."
    known = [name for variables in streams.values() for name in variables]
    return f"The metric {key!r} is not declared. {nearest(str(key), known)}"


def _misfit(key: str, variable: Variable, value: Any) -> str | None:
    found = sizes(value)
    # An array without items has lost dimensions on its way here.
    empty = found is not None and 0 in found and bool(variable.dims)
    if value is not None and not empty and (found is None or len(found) != len(variable.dims)):
        given = "a ragged list" if found is None else f"{len(found)} dimensions" if found else repr(value)
        dims = ", ".join(variable.dims)
        wanted = f"an array with the dimensions {dims}" if dims else f"one {variable.dtype}"
        return f"The metric {key!r} is declared as {wanted}, and was given {given}."
    wrong = next((item for item in _items(value) if not _fits(variable.dtype, item)), None)
    return None if wrong is None else f"The metric {key!r} is declared as {variable.dtype}, and was given {wrong!r}."


def _items(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _items(item)
    else:
        yield value


def _fits(dtype: str, value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, bool):
        return dtype == "bool"
    return isinstance(value, _ACCEPTED[dtype])
