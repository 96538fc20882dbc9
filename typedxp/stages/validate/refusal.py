"""Owns refusals: what pydantic, or a validator of the user, found wrong, in the words of the user."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typedxp.errors import Problem
from typedxp.vocabulary.plan import Composed, redact, spell
from typedxp.vocabulary.schema import Field, Key, Model
from typedxp.vocabulary.tree import get, secrets_in, shown

_MISSING = {"missing", "missing_argument"}
_WANTS_ONE = ("int_type", "float_type", "string_type", "bool_type")
_TAG = {"union_tag_invalid", "union_tag_not_found"}


@dataclass
class RefusedError(Exception):
    """A refusal: pydantic's errors, or what a validator raised instead, by the key of the part that was checked."""

    errors: Mapping[Key, Sequence[Any]]

    def __str__(self) -> str:
        found = [([*prefix, *error["loc"]], error["msg"]) for prefix, errors in self.errors.items() for error in errors]
        return "; ".join(f"{'.'.join(map(str, location))}: {message}" for location, message in found)


class Reporter:
    """Tells refusals of one schema in the words of its user: the key of an override, the value as typed, the origin."""

    def __init__(self, schema: Model | None) -> None:
        self._schema = schema

    def problems(self, refused: RefusedError, point: Composed) -> list[Problem]:
        """Return what is wrong with a point, one problem for each key."""
        secrets = secrets_in(point.values, self._schema) if self._schema is not None else {}
        grouped = _grouped(self.located(refused, point.values))
        return [self._problem(key, errors, point, secrets) for key, errors in grouped]

    def located(self, refused: RefusedError, values: Any) -> list[tuple[Key, Any]]:
        """Return the errors of a refusal, each with the key of the value that it is about."""
        found = [
            (prefix, self._key(values, prefix, error), error)
            for prefix, errors in refused.errors.items()
            for error in errors
        ]
        # What is wrong with a part was found by the member that was chosen for it, and not by those that were not.
        parts = [prefix for prefix in refused.errors if prefix]
        return [
            (key, error)
            for prefix, key, error in found
            if not any(key[: len(part)] == part and len(part) > len(prefix) for part in parts)
        ]

    def _key(self, values: Any, prefix: Key, error: Any) -> Key:
        """Translate pydantic's location, which also names members of unions, to the key of an override."""
        node, key = get(values, prefix), prefix
        location = error["loc"]
        for position, part in enumerate(location):
            field = self._schema.find(key) if self._schema is not None and key else None
            models = field.models if field else (self._schema,) if not key and self._schema else ()
            declared = next((found for model in models if (found := model.field(str(part)))), None)
            name = declared.name if declared is not None else part
            if isinstance(node, dict) and str(name) in node:
                node, key = node[str(name)], (*key, str(name))
            elif isinstance(node, list | tuple) and isinstance(part, int) and part < len(node):
                node, key = node[part], (*key, str(part))
            elif position == len(location) - 1 and error["type"] in _MISSING and not isinstance(node, list):
                key = (*key, str(name))
        return (*key, error["ctx"]["discriminator"].strip("'")) if error["type"] in _TAG else key

    def _problem(self, key: Key, errors: list[Any], point: Composed, secrets: Mapping[str, str]) -> Problem:
        value = get(point.values, key)
        whole = isinstance(value, dict)
        origin = point.origin(key) if key and not whole else ""
        missing = errors[0]["type"] in (*_MISSING, "union_tag_not_found") and value is None
        messages = dict.fromkeys(self._message(error, key, origin) for error in errors)
        return Problem(
            ".".join(key) if key else "the config as a whole",
            "" if whole or missing or not key else redact(shown(value), secrets),
            origin,
            redact("\nor: ".join(messages), secrets),
        )

    def _message(self, error: Any, key: Key, origin: str) -> str:
        field = self._schema.find(key) if self._schema is not None else None
        if error["type"] in _MISSING:
            index = error["loc"][-1]
            return f"Its element {index} is missing." if isinstance(index, int) else required(key, field)
        if error["type"] == "union_tag_not_found":
            return required(key, field)
        if field is not None and field.models and isinstance(error["input"], str):
            return choose(key, error["input"], field)
        message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        if error["type"] == "string_type" and isinstance(error["input"], bool):
            word = str(error["input"]).lower()
            how = f"{'.'.join(key)}=\"'{word}'\"" if origin == "command line" else f"'{word}'"
            return f"{message}. To give the text, quote it: {how}"
        if isinstance(error["input"], list) and error["type"] in _WANTS_ONE and origin == "command line":
            listed = ",".join(map(spell, error["input"]))
            return f"{message}. To sweep over the values, leave out the brackets: {'.'.join(key)}={listed}"
        return message


def choose(key: Key, text: str, field: Field) -> str:
    """Say how to choose an option, where the name of one stands for a mapping."""
    options = [model.name for model in field.models]
    option = text if text in options else options[0]
    tag = next((model.tag for model in field.models if model.tag is not None and model.name == option), None)
    mapping = f", or write {key[-1]}: {{{tag[0]}: {tag[1]}}}" if tag is not None else ""
    group = "/".join(key)
    return (
        f"A mapping is wanted here. To choose an option in a YAML file, put '- {group}: {option}' into its defaults "
        f"list{mapping}. Options: {', '.join(options)}."
    )


def crash(error: Exception) -> dict[str, Any]:
    """Tell of an exception that is none of pydantic's, with the place in the user's code."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    message = f"A validator of the schema raised {type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"
    return {"type": "crash", "loc": (), "msg": message, "input": None}


def required(key: Key, field: Field | None) -> str:
    """Say how to give a value that is missing."""
    if field is not None and field.union:
        group = "/".join(key)
        options = [*(model.name for model in field.models), *(["null"] if field.optional else [])]
        return f"A value is required: choose {' or '.join(f'{group}={option}' for option in options)}."
    return f"A value is required: give {'.'.join(key)}=VALUE."


def _grouped(located: Iterable[tuple[Key, Any]]) -> Iterator[tuple[Key, list[Any]]]:
    groups: dict[Key, list[Any]] = {}
    for key, error in located:
        groups.setdefault(key, []).append(error)
    yield from groups.items()
