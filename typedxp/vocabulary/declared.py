"""Owns the reading of the classes that declare what a run logs.

Their annotations are looked at, and pydantic's descriptions of fields where there are some; no library is loaded.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from typedxp.errors import DeclarationError
from typedxp.vocabulary.metrics import (
    SUMMARY,
    SYSTEM,
    Array,
    Declared,
    Description,
    Dimensions,
    Metrics,
    Stream,
    Unit,
    Variable,
)

_DTYPES = {bool: "bool", int: "int", float: "float", str: "str"}
_STREAM = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_TRANSPARENT = [typing.Required, typing.NotRequired, getattr(typing, "ReadOnly", typing.Required)]
"""What TypedDicts say of a key, and not of its value."""


def declared(metrics: type[Metrics]) -> Declared:
    """Read a declaration.

    Raises:
        DeclarationError: something is annotated that no run can log; everything is named.
    """
    problems: list[str] = []
    streams: dict[str, dict[str, Variable]] = {}
    for name, (bare, notes) in _annotated(metrics).items():
        problems += _problems_of_name(name)
        if bare is Stream or typing.get_origin(bare) is Stream:
            problems += _problems_of_stream(name)
            streams[name] = dict(_variables(name, bare, problems))
        else:
            streams.setdefault(SUMMARY, {})[name] = _variable(name, bare, notes, problems)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise DeclarationError(f"{metrics.__name__} cannot be the metrics of an experiment:\n{listed}")
    return streams


def _annotated(declaration: Any) -> dict[str, tuple[Any, Sequence[Any]]]:
    """Return the names that a class annotates, each with its type and what else the annotation says."""
    try:
        # Of pydantic's classes the fields only: they have other annotations of their own.
        if getattr(declaration, "__pydantic_complete__", None) is False and hasattr(declaration, "model_rebuild"):
            declaration.model_rebuild()
        fields = getattr(declaration, "model_fields", None) or getattr(declaration, "__pydantic_fields__", None)
        if isinstance(fields, Mapping):
            return {name: _apart(info.annotation, (*info.metadata, info)) for name, info in fields.items()}
        hints = typing.get_type_hints(declaration, include_extras=True)
    except (NameError, TypeError) as error:
        raise DeclarationError(f"The metrics {declaration!r} cannot be read: {error}.") from error
    return {name: _apart(hint) for name, hint in hints.items() if typing.get_origin(hint) is not typing.ClassVar}


def _apart(annotation: Any, notes: Sequence[Any] = ()) -> tuple[Any, Sequence[Any]]:
    """Part a type from what is annotated to it; what may be missing is of the type that it has where it is there."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _apart(arguments[0], (*arguments[1:], *notes))
    if origin in _TRANSPARENT:
        return _apart(arguments[0], notes)
    if origin in (typing.Union, types.UnionType):
        some = [argument for argument in arguments if argument is not type(None)]
        return _apart(some[0], notes) if len(some) == 1 else (annotation, notes)
    return annotation, notes


def _variables(stream: str, annotation: Any, problems: list[str]) -> Iterator[tuple[str, Variable]]:
    record = next(iter(typing.get_args(annotation)), None)
    names = _annotated(record) if isinstance(record, type) and record not in _DTYPES else {}
    if not names:
        problems.append(f"{stream}: a stream needs a class with annotated names, as in Stream[TrainStep].")
    for name, (bare, notes) in names.items():
        problems += _problems_of_name(name, f"{stream}.{name}")
        yield name, _variable(f"{stream}.{name}", bare, notes, problems)


def _variable(key: str, bare: Any, notes: Sequence[Any], problems: list[str]) -> Variable:
    dims = next((note.names for note in notes if isinstance(note, Dimensions)), ())
    if bare is Array:
        problems.append(f"{key}: an Array needs the names of its dimensions, as in Array['true', 'predicted'].")
    elif bare not in _DTYPES:
        spelt = bare.__name__ if isinstance(bare, type) else str(bare)
        problems.append(f"{key}: {spelt} is not bool, int, float, str or Array.")
    if not all(isinstance(name, str) and name.isidentifier() for name in dims) or len(set(dims)) < len(dims):
        problems.append(f"{key}: dimensions need names, each another one, not {', '.join(map(repr, dims))}.")
    unit, description = _first(notes, _unit), _first(notes, _description)
    return Variable(_DTYPES.get(bare, "float"), tuple(dims), unit, description)


def _problems_of_name(name: str, key: str | None = None) -> list[str]:
    return [f"{key or name}: names that begin with '_' are reserved."] if name.startswith("_") else []


def _problems_of_stream(name: str) -> list[str]:
    if name == SUMMARY:
        return [f"{name}: this stream holds the metrics that are logged once. Declare them without a stream."]
    if name == SYSTEM:
        return [f"{name}: this stream holds the samples of the machine. Give yours another name."]
    if not name.startswith("_") and not _STREAM.fullmatch(name):
        return [f"{name}: a stream needs a name of up to 100 ASCII letters, digits and '_'."]
    return []


def _first(notes: Iterable[Any], read: Callable[[Any], Any]) -> str | None:
    found = next(filter(None, map(read, notes)), None)
    return None if found is None else str(found)


def _unit(note: Any) -> Any:
    extra = getattr(note, "json_schema_extra", None)
    extra = extra if isinstance(extra, Mapping) else {}
    return note.name if isinstance(note, Unit) else extra.get("unit") or extra.get("units")


def _description(note: Any) -> Any:
    return note.text if isinstance(note, Description) else getattr(note, "description", None)
