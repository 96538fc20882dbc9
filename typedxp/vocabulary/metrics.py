"""Owns the declaration of what a run logs: streams and metrics with types, dimensions, units and descriptions."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from typedxp.errors import DeclarationError

RecordT = TypeVar("RecordT")

SUMMARY = "summary"
"""The stream of the metrics that a run has once, and not step by step."""

_ACCEPTED: dict[str, tuple[type, ...]] = {"bool": (), "int": (int,), "float": (int, float), "str": (str,)}
_DTYPES = {bool: "bool", int: "int", float: "float", str: "str"}


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

    names: tuple[str, ...]


class Array:
    """A metric that is an array of floats with named dimensions: ``confusion: Array["true", "predicted"]``."""

    def __class_getitem__(cls, names: str | tuple[str, ...]) -> Any:
        """Name the dimensions."""
        return typing.Annotated[float, Dimensions((names,) if isinstance(names, str) else names)]


class Stream(Generic[RecordT]):
    """A stream whose records have the annotated names of a class: ``train: Stream[TrainStep]``."""


class Metrics:
    """What a run logs. Annotate names with :class:`Stream`, :class:`Array`, bool, int, float or str.

    Metrics that are not in a stream are logged once: they have no steps.
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


def declared(metrics: type[Metrics]) -> Declared:
    """Read a declaration.

    Raises:
        DeclarationError: something is annotated that no run can log; everything is named.
    """
    problems: list[str] = []
    streams: dict[str, dict[str, Variable]] = {}
    for name, annotation in _hints(metrics).items():
        if typing.get_origin(annotation) is Stream:
            record = typing.get_args(annotation)[0]
            streams[name] = {key: _variable(f"{name}.{key}", hint, problems) for key, hint in _hints(record).items()}
        else:
            streams.setdefault(SUMMARY, {})[name] = _variable(name, annotation, problems)
    problems += [f"{key}: names that begin with '_' are reserved." for key in _names(streams) if key.startswith("_")]
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise DeclarationError(f"{metrics.__name__} cannot be the metrics of an experiment:\n{listed}")
    return streams


def misfit(variables: Mapping[str, Variable], key: str, value: Any) -> str | None:
    """Say why a metric does not fit its declaration; None if it does."""
    variable = variables.get(key)
    if variable is None:
        match = difflib.get_close_matches(key, variables, n=1)
        known = f"Did you mean {match[0]}?" if match else f"Declared: {', '.join(variables) or 'none'}."
        return f"The metric {key!r} is not declared. {known}"
    depth = _depth(value)
    if depth != len(variable.dims):
        wanted = f"an array with the dimensions {', '.join(variable.dims)}" if variable.dims else "a scalar"
        return f"The metric {key!r} is declared as {wanted}, and was given with {depth} dimensions."
    wrong = next((item for item in _items(value) if not _fits(variable.dtype, item)), None)
    return None if wrong is None else f"The metric {key!r} is declared as {variable.dtype}, and was given {wrong!r}."


def _hints(declaration: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(declaration, include_extras=True)
    except (NameError, TypeError) as error:
        raise DeclarationError(f"The metrics {declaration!r} cannot be read: {error}.") from error


def _variable(key: str, annotation: Any, problems: list[str]) -> Variable:
    notes = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is typing.Annotated else ()
    bare = typing.get_args(annotation)[0] if notes else annotation
    if bare not in _DTYPES:
        problems.append(f"{key}: {bare!r} is not bool, int, float, str or Array.")
    names = next((note.names for note in notes if isinstance(note, Dimensions)), ())
    return Variable(
        dtype=_DTYPES.get(bare, "float"),
        dims=names,
        unit=next((note.name for note in notes if isinstance(note, Unit)), None),
        description=next((note.text for note in notes if isinstance(note, Description)), None),
    )


def _names(streams: Declared) -> Iterator[str]:
    for name, variables in streams.items():
        yield name
        yield from variables


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list | tuple):
        depth, value = depth + 1, value[0] if value else None
    return depth


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
