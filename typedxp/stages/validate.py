"""Owns pydantic's judgement: plain values become a config, or every problem with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from typedxp.errors import DeclarationError, Problem
from typedxp.vocabulary.plan import Composed, Judged, TypedFloat, TypedInt, redact
from typedxp.vocabulary.schema import MISSING, Field, Key, Model
from typedxp.vocabulary.tree import copy, get, leaves, put, shown, untyped

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

# What pydantic calls a number that stands where text is wanted.
_WANTS_TEXT = {"string_type", "literal_error", "enum", "path_type", "string_sub_type", "bytes_type", "decimal_type"}


class Judge:
    """The judge of one schema: ``schema`` is None for an untyped DictConfig, of which everything is accepted."""

    def __init__(self, config_type: Any, schema: Model | None) -> None:
        self._type = config_type
        self._schema = schema
        self._adapters: dict[Any, TypeAdapter[Any]] = {}
        self._secret_keys = tuple(key for key, field in schema.keys() if field.secret) if schema is not None else ()
        # Unions without a discriminator: pydantic would have to guess the member.
        self._guessed = {key for key, field in schema.keys() if len(field.models) > 1} if schema is not None else set()
        self._has_sets = schema is not None and any("set[" in field.type or field.type == "set" for _, field in schema.keys())

    def judge(self, point: Composed) -> Judged | list[Problem]:
        """Judge one point: numbers given for text are taken as they were typed, everything else is pydantic's decision."""
        if self._schema is None:
            return self._accept(point)
        values = point.values
        secrets = {".".join(key): str(secret) for key in self._secret_keys if (secret := _text(get(values, key))) is not None}
        try:
            config, values = self._validate_repaired(values, point.members)
        except _Refused as refused:
            return [self._problem(*grouped, point, secrets) for grouped in _grouped(self._located(refused))]
        return self._written(config, point, secrets)

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
            return self._validate(tree, self._found(members))
        except _Refused as refused:
            raise DeclarationError(f"The config that was recorded does not fit the schema any more: {refused.error}") from refused

    def _accept(self, point: Composed) -> Judged | list[Problem]:
        values = untyped(point.values)
        missing = [key for key, value in leaves(values) if value == MISSING]
        if missing:
            return [Problem(".".join(key), "", point.origin(key), _required(key)) for key in missing]
        return Judged(_dict_config(values), values, {})

    def _validate_repaired(self, values: dict[str, Any], members: Mapping[Key, Model]) -> tuple[Any, dict[str, Any]]:
        try:
            return self._validate(values, members), values
        except _Refused as refused:
            repaired = self._repaired(values, refused)
            if repaired is None:
                raise
            return self._validate(repaired, members), repaired

    def _validate(self, values: dict[str, Any], members: Mapping[Key, Model]) -> Any:
        from pydantic import ValidationError

        # The member of a union without a discriminator is not pydantic's to guess where an option was chosen.
        chosen = sorted((key for key, model in members.items() if key in self._guessed and model.tag is None), key=len, reverse=True)
        tree = copy(values) if chosen else values
        prefix: Key = ()
        try:
            for prefix in chosen:
                part = get(tree, prefix)
                if isinstance(part, dict):
                    put(tree, prefix, self._adapter(members[prefix].type).validate_python(part, by_name=True, by_alias=True))
            prefix = ()
            return self._adapter(self._type).validate_python(tree, by_name=True, by_alias=True)
        except ValidationError as error:
            raise _Refused(error, prefix, values) from error

    def _found(self, members: Mapping[str, str]) -> dict[Key, Model]:
        assert self._schema is not None
        found: dict[Key, Model] = {}
        for dotted, name in members.items():
            key = tuple(dotted.split("."))
            field = self._schema.find(key)
            found |= {key: model for model in (field.models if field else ()) if model.type.__name__ == name}
        return found

    def _repaired(self, values: dict[str, Any], refused: _Refused) -> dict[str, Any] | None:
        """Replace numbers by the text they were typed as, and names of enum members by their values, where that is wanted."""
        tree = None
        for key, error in self._located(refused):
            value = get(values, key)
            field = self._schema.find(key) if self._schema is not None else None
            names = dict(field.names) if field is not None else {}
            if isinstance(value, str) and error["type"] == "enum" and value in names:
                replacement = names[value]
            elif isinstance(value, TypedInt | TypedFloat) and error["type"] in _WANTS_TEXT:
                replacement = value.text
            else:
                continue
            tree = copy(values) if tree is None else tree
            put(tree, key, replacement)
        return tree

    def _located(self, refused: _Refused) -> list[tuple[Key, Any]]:
        errors = refused.error.errors(include_url=False)
        return [(self._key(refused.values, refused.prefix, error), error) for error in errors]

    def _key(self, values: Any, prefix: Key, error: Any) -> Key:
        """Translate pydantic's location, which also names members of unions and validators, to the key of an override."""
        node, key = get(values, prefix), prefix
        location = error["loc"]
        for position, part in enumerate(location):
            field = self._schema.find(key) if self._schema is not None and key else None
            models = field.models if field else (self._schema,) if not key and self._schema else ()
            declared = next((found for model in models if (found := model.field(str(part)))), None)
            name = declared.name if declared is not None else part
            if isinstance(node, dict) and name in node:
                node, key = node[name], (*key, str(name))
            elif isinstance(node, list | tuple) and isinstance(part, int) and part < len(node):
                node, key = node[part], (*key, str(part))
            elif position == len(location) - 1 and error["type"] in ("missing", "missing_argument"):
                key = (*key, str(name))
        return key

    def _problem(self, key: Key, errors: list[Any], point: Composed, secrets: Mapping[str, str]) -> Problem:
        value = get(point.values, key)
        whole = isinstance(value, dict)
        messages = dict.fromkeys(_message(error, key) for error in errors)
        origin = point.origin(key) if key and not whole else ""
        text = "" if whole or errors[0]["type"].startswith("missing") else shown(value)
        return Problem(
            ".".join(key) if key else "the config as a whole",
            redact(text, secrets),
            origin,
            redact("\nor: ".join(messages), secrets),
        )

    def _written(self, config: Any, point: Composed, secrets: Mapping[str, str]) -> Judged | list[Problem]:
        """Write a config down as plain values, and make sure that the same config is read back."""
        from pydantic_core import PydanticSerializationError

        try:
            values = self._dump(config)
            again = self._dump(self.restore(values, _names(point.members), secrets))
        except (PydanticSerializationError, DeclarationError) as error:
            return [Problem("the config as a whole", "", "", f"It cannot be written to config.yaml and read back: {error}")]
        if repr(values) == repr(again):
            return Judged(config, values, secrets)
        return [
            Problem(
                ".".join(key),
                shown(old),
                point.origin(key),
                f"It becomes {shown(get(again, key))} when it is written to config.yaml and read back. "
                "Let the validators of the schema leave alone what they have made.",
            )
            for key, old in leaves(values)
            if repr(get(again, key)) != repr(old)
        ]

    def _dump(self, config: Any) -> dict[str, Any]:
        adapter = self._adapter(self._type)
        values: dict[str, Any] = adapter.dump_python(config, mode="json", by_alias=False, round_trip=True, warnings=False)
        if self._has_sets:
            # A set has no order, and two runs of Python two different ones.
            return _ordered(adapter.dump_python(config, by_alias=False, round_trip=True, warnings=False), values)  # type: ignore[no-any-return]
        return values

    def _adapter(self, config_type: Any) -> TypeAdapter[Any]:
        from pydantic import TypeAdapter

        if config_type not in self._adapters:
            self._adapters[config_type] = TypeAdapter(config_type)
        return self._adapters[config_type]


class _Refused(Exception):
    """pydantic's refusal of the part of ``values`` below ``prefix``."""

    def __init__(self, error: ValidationError, prefix: Key, values: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.error = error
        self.prefix = prefix
        self.values = values


def judge_settings(model: Any, values: Mapping[str, Any], point: Composed) -> Any | list[Problem]:
    """Judge the runner's own settings, which live under ``xp``."""
    from pydantic import ValidationError

    try:
        return model.model_validate(untyped(values))
    except ValidationError as error:
        return [
            Problem(
                ".".join(key := ("xp", *map(str, item["loc"]))),
                shown(item["input"]) if not isinstance(item["input"], dict) else "",
                point.origin(key),
                item["msg"],
            )
            for item in error.errors(include_url=False)
        ]


def _grouped(located: list[tuple[Key, Any]]) -> Iterator[tuple[Key, list[Any]]]:
    groups: dict[Key, list[Any]] = {}
    for key, error in located:
        groups.setdefault(key, []).append(error)
    yield from groups.items()


def _message(error: Any, key: Key) -> str:
    if error["type"] in ("missing", "missing_argument"):
        return _required(key)
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if error["type"] == "string_type" and isinstance(error["input"], bool):
        return f"{message}. To give the text, quote it: {'.'.join(key)}=\"'{str(error['input']).lower()}'\""
    return message


def _required(key: Key) -> str:
    return f"A value is required: give {'.'.join(key)}=VALUE."



def _names(members: Mapping[Key, Model]) -> dict[str, str]:
    return {".".join(key): model.type.__name__ for key, model in members.items()}


def _dict_config(values: Mapping[str, Any]) -> Any:
    from omegaconf import OmegaConf

    config = OmegaConf.create(dict(values))
    OmegaConf.set_struct(config, True)
    return config


def _text(value: Any) -> str | None:
    return None if value is None else str(getattr(value, "text", value))



def _ordered(native: Any, written: Any) -> Any:
    if isinstance(native, set | frozenset):
        return sorted(written, key=repr)
    if isinstance(native, dict):
        return {key: _ordered(native.get(key), value) for key, value in written.items()}
    if isinstance(native, list | tuple):
        return [_ordered(one, other) for one, other in zip(native, written, strict=True)]
    return written
