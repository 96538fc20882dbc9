"""Owns pydantic's judgement: plain values become a config, or every problem with them."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typedxp.errors import DeclarationError, Problem
from typedxp.vocabulary.plan import Composed, Judged, TypedFloat, TypedInt, redact
from typedxp.vocabulary.schema import MISSING, Field, Key, Model
from typedxp.vocabulary.tree import copy, get, leaves, put, secrets_in, shown, untyped

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ValidationError

# What pydantic calls a number that stands where text is wanted.
_WANTS_TEXT = {"string_type", "literal_error", "enum", "path_type", "string_sub_type", "bytes_type", "decimal_type"}
_MISSING = {"missing", "missing_argument"}
_TAG = {"union_tag_invalid", "union_tag_not_found"}


class Judge:
    """The judge of one schema: ``schema`` is None for an untyped DictConfig, of which everything is accepted.

    ``seeded`` says that the experiment asks for a seed, which an untyped config may not have.
    """

    def __init__(self, config_type: Any, schema: Model | None, *, seeded: bool = False) -> None:
        self._type = config_type
        self._schema = schema
        self._seeded = seeded
        self._adapters: dict[Any, TypeAdapter[Any]] = {}
        fields = dict(schema.keys()) if schema is not None else {}
        self._has_secrets = any(field.secret for field in fields.values())
        self._has_sets = any("set[" in field.type or field.type in ("set", "frozenset") for field in fields.values())
        # Unions without a discriminator: pydantic would have to guess the member.
        self._guessed = {key for key, field in fields.items() if len(field.models) > 1}

    def judge(self, point: Composed) -> Judged | list[Problem]:
        """Judge one point: numbers given for text are taken as they were typed, the rest is pydantic's decision."""
        if self._schema is None:
            return self._accept(point)
        try:
            config = self._validate_repaired(point.values, point.members)
        except _RefusedError as refused:
            secrets = secrets_in(point.values, self._schema) if self._has_secrets else {}
            grouped = _grouped(self._located(refused, point.values))
            return [self._problem(key, errors, point, secrets) for key, errors in grouped]
        return self._written(config, point)

    def restore(self, values: Mapping[str, Any], members: Mapping[str, str], secrets: Mapping[str, str]) -> Any:
        """Make a config from what :meth:`judge` returned as plain values, and config.yaml holds.

        Raises:
            DeclarationError: the schema does not accept them any more.
        """
        if self._schema is None:
            return _dict_config(values)
        tree = copy(values)
        for dotted, secret in secrets.items():
            put(tree, tuple(dotted.split(".")), secret)
        try:
            return self._validate_repaired(tree, self._found(members))
        except _RefusedError as refused:
            raise DeclarationError(
                f"The config that was recorded does not fit the schema any more: {refused}"
            ) from refused

    def _accept(self, point: Composed) -> Judged | list[Problem]:
        values = untyped(point.values)
        missing = [key for key, value in leaves(values) if value == MISSING]
        if missing:
            return [Problem(".".join(key), "", point.origin(key), _required(key, None)) for key in missing]
        if self._seeded and not isinstance(values.get("seed"), int):
            message = "The experiment is declared with seed_with, and needs a whole number: give ++seed=0."
            return [
                Problem("seed", shown(values["seed"]) if "seed" in values else "", point.origin(("seed",)), message)
            ]
        return Judged(_dict_config(values), values, {})

    def _validate_repaired(self, values: dict[str, Any], members: Mapping[Key, Model]) -> Any:
        try:
            return self._validate(values, members)
        except _RefusedError as refused:
            repaired = _repaired(values, self._located(refused, values), self._schema)
            if repaired is None:
                raise
            return self._validate(repaired, members)

    def _validate(self, values: Mapping[str, Any], members: Mapping[Key, Model]) -> Any:
        tree = untyped(values)
        # The member of a union without a discriminator is not pydantic's to guess where an option was chosen.
        chosen = [key for key, model in members.items() if key in self._guessed and model.tag is None]
        refused: dict[Key, Sequence[Any]] = {}
        for key in sorted(chosen, key=len, reverse=True):
            if isinstance(get(tree, key), dict):
                try:
                    put(tree, key, self._checked(members[key].type, tree, key, values))
                except _RefusedError as error:
                    refused |= error.errors
        try:
            config = self._checked(self._type, tree, (), values)
        except _RefusedError as error:
            raise _RefusedError({**error.errors, **refused}) from error
        if refused:
            raise _RefusedError(refused)
        return config

    def _checked(self, config_type: Any, tree: Any, prefix: Key, values: Any) -> Any:
        """Have pydantic check what is in ``tree`` below ``prefix``; validators may change it, but not ``values``."""
        from pydantic_core import ValidationError

        adapter = self._adapter(config_type)
        try:
            return adapter.validate_python(get(tree, prefix), by_name=True, by_alias=True)
        except ValidationError as error:
            # A strict schema wants dates and tuples themselves, which no file holds: as JSON it takes their texts.
            return _checked_as_json(adapter, get(values, prefix), prefix, error)
        except Exception as error:  # whatever a validator of the user raises
            raise _RefusedError({prefix: [_crash(error)]}) from error

    def _found(self, members: Mapping[str, str]) -> dict[Key, Model]:
        assert self._schema is not None
        found: dict[Key, Model] = {}
        for dotted, name in members.items():
            key = tuple(dotted.split("."))
            field = self._schema.find(key)
            for model in field.models if field is not None else ():
                if model.type.__name__ == name:
                    found[key] = model
        return found

    def _located(self, refused: _RefusedError, values: Any) -> list[tuple[Key, Any]]:
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
            return f"Its element {index} is missing." if isinstance(index, int) else _required(key, field)
        if error["type"] == "union_tag_not_found":
            return _required(key, field)
        message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        if error["type"] == "string_type" and isinstance(error["input"], bool):
            word = str(error["input"]).lower()
            how = f"{'.'.join(key)}=\"'{word}'\"" if origin == "command line" else f"'{word}'"
            return f"{message}. To give the text, quote it: {how}"
        return message

    def _written(self, config: Any, point: Composed) -> Judged | list[Problem]:
        """Write a config down as plain values, and make sure that the same config is read back."""
        from pydantic_core import PydanticSerializationError

        try:
            values, secrets = self._dump(config)
            again, _ = self._dump(self.restore(values, _names(point.members), secrets))
        except (PydanticSerializationError, DeclarationError) as error:
            return [
                Problem("the config as a whole", "", "", f"It cannot be written to config.yaml and read back: {error}")
            ]
        if repr(values) == repr(again):
            return Judged(config, values, secrets)
        return [
            Problem(
                ".".join(key),
                shown(old),
                point.origin(key),
                f"It becomes {shown(new)} when it is written to config.yaml and read back. "
                "Let the validators of the schema leave alone what they have made.",
            )
            for key, old, new in _changed(values, again)
        ]

    def _dump(self, config: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """Return a config as plain values, and the secrets that these do not show."""
        adapter = self._adapter(self._type)
        values: dict[str, Any] = adapter.dump_python(
            config, mode="json", by_alias=False, round_trip=True, warnings=False
        )
        if not (self._has_sets or self._has_secrets):
            return values, {}
        native = adapter.dump_python(config, by_alias=False, round_trip=True, warnings=False)
        # A set has no order, and two runs of Python two different ones.
        return _ordered(native, values), dict(_secrets(native))

    def _adapter(self, config_type: Any) -> TypeAdapter[Any]:
        from pydantic import TypeAdapter

        if config_type not in self._adapters:
            self._adapters[config_type] = TypeAdapter(config_type)
        return self._adapters[config_type]


@dataclass
class _RefusedError(Exception):
    """A refusal: pydantic's errors, or what a validator raised instead, by the key of the part that was checked."""

    errors: Mapping[Key, Sequence[Any]]

    def __str__(self) -> str:
        found = [([*prefix, *error["loc"]], error["msg"]) for prefix, errors in self.errors.items() for error in errors]
        return "; ".join(f"{'.'.join(map(str, location))}: {message}" for location, message in found)


def _checked_as_json(adapter: TypeAdapter[Any], values: Any, prefix: Key, first: ValidationError) -> Any:
    from pydantic_core import ValidationError, to_json

    try:
        return adapter.validate_json(to_json(untyped(values), inf_nan_mode="constants"), by_name=True, by_alias=True)
    except ValidationError as second:
        # What both say is better said in the words of Python: a list and not an array.
        fewer = min(first, second, key=lambda error: error.error_count())
        raise _RefusedError({prefix: fewer.errors(include_url=False)}) from fewer


def judge_settings(model: Any, values: Mapping[str, Any], point: Composed) -> Any | list[Problem]:
    """Judge the runner's own settings, which live under ``xp``."""
    from pydantic import ValidationError

    try:
        return model.model_validate(untyped(values))
    except ValidationError as error:
        located = [(tuple(map(str, item["loc"])), item) for item in error.errors(include_url=False)]
    repaired = _repaired(values, located, None)
    if repaired is not None:
        return judge_settings(model, repaired, point)
    return [
        Problem(
            ".".join(("xp", *key)),
            shown(get(values, key, item["input"])) if not isinstance(item["input"], dict) else "",
            point.origin(("xp", *key)),
            item["msg"],
        )
        for key, item in located
    ]


def _repaired(values: Any, located: Iterable[tuple[Key, Any]], schema: Model | None) -> dict[str, Any] | None:
    """Replace numbers by the text they were typed as, and names of enum members by their values, where wanted."""
    tree: dict[str, Any] | None = None
    for key, error in located:
        value = get(values, key)
        names = _enum_names(key, schema)
        if isinstance(value, str) and error["type"] in ("enum", "literal_error") and value in names:
            replacement = names[value]
        elif isinstance(value, TypedInt | TypedFloat) and error["type"] in _WANTS_TEXT:
            replacement = value.text
        else:
            continue
        tree = copy(values) if tree is None else tree
        put(tree, key, replacement)
    return tree


def _enum_names(key: Key, schema: Model | None) -> dict[str, Any]:
    """Return the members of the enum at ``key``, which may be inside a list or a mapping."""
    found: list[Field | None] = (
        [schema.find(key[:depth]) for depth in range(len(key), 0, -1)] if schema is not None else []
    )
    return dict(next((field.names for field in found if field is not None), ()))


def _crash(error: Exception) -> dict[str, Any]:
    """Tell of an exception that is none of pydantic's, with the place in the user's code."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    message = f"A validator of the schema raised {type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"
    return {"type": "crash", "loc": (), "msg": message, "input": None}


def _grouped(located: Iterable[tuple[Key, Any]]) -> Iterator[tuple[Key, list[Any]]]:
    groups: dict[Key, list[Any]] = {}
    for key, error in located:
        groups.setdefault(key, []).append(error)
    yield from groups.items()


def _required(key: Key, field: Field | None) -> str:
    if field is not None and field.union:
        group = "/".join(key)
        options = [*(model.name for model in field.models), *(["null"] if field.optional else [])]
        return f"A value is required: choose {' or '.join(f'{group}={option}' for option in options)}."
    return f"A value is required: give {'.'.join(key)}=VALUE."


def _names(members: Mapping[Key, Model]) -> dict[str, str]:
    return {".".join(key): model.type.__name__ for key, model in members.items()}


def _dict_config(values: Mapping[str, Any]) -> Any:
    from omegaconf import OmegaConf

    config = OmegaConf.create(dict(values))
    OmegaConf.set_struct(config, True)
    return config


def _changed(old: Any, new: Any, key: Key = ()) -> Iterator[tuple[Key, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            yield from _changed(old.get(name), new.get(name), (*key, str(name)))
    elif repr(old) != repr(new):
        yield key, old, new


def _secrets(native: Any, key: Key = ()) -> Iterator[tuple[str, str]]:
    if isinstance(native, dict):
        for name, value in native.items():
            yield from _secrets(value, (*key, str(name)))
    elif isinstance(native, list | tuple):
        for index, value in enumerate(native):
            yield from _secrets(value, (*key, str(index)))
    elif hasattr(native, "get_secret_value"):
        secret = native.get_secret_value()
        yield ".".join(key), secret.decode() if isinstance(secret, bytes) else str(secret)


def _ordered(native: Any, written: Any) -> Any:
    if isinstance(native, set | frozenset):
        return sorted(written, key=repr)
    if isinstance(native, dict):
        return {name: _ordered(native.get(name), value) for name, value in written.items()}
    if isinstance(native, list | tuple):
        return [_ordered(one, other) for one, other in zip(native, written, strict=True)]
    return written
