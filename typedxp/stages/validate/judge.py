"""Owns pydantic's judgement: plain values become a config, or every problem with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typedxp.errors import DeclarationError, Problem, nearest
from typedxp.stages.validate.ignored import ignored_keys
from typedxp.stages.validate.refusal import RefusedError, Reporter, crash, required
from typedxp.stages.validate.repair import check_as_json, repaired
from typedxp.vocabulary.plan import REDACTED, Composed, Judged
from typedxp.vocabulary.schema import MISSING, Key, Model
from typedxp.vocabulary.tree import copy, get, leaves, put, shown, untyped

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_OWN_FIELD = "give it a field of its own, of type SecretStr."
_LONG = 8
"""Characters of a secret that is no word like others."""


class Judge:
    """The judge of one schema: ``schema`` is None for an untyped DictConfig, of which everything is accepted.

    ``seeded`` says that the experiment asks for a seed, which an untyped config may not have.
    """

    def __init__(self, config_type: Any, schema: Model | None, *, seeded: bool = False) -> None:
        self._type = config_type
        self._schema = schema
        self._reporter = Reporter(schema)
        self._seeded = seeded
        self._adapters: dict[Any, TypeAdapter[Any]] = {}
        fields = dict(schema.keys()) if schema is not None else {}
        self._nested = [key for key, field in fields.items() if field.nested]
        self._has_sets = any("set[" in field.type or field.type in ("set", "frozenset") for field in fields.values())
        # Unions without a discriminator: pydantic would have to guess the member.
        self._guessed: dict[Key, list[Model]] = {}
        for key, field in schema.keys() if schema is not None else ():
            if len(field.models) > 1 and field.models[0].tag is None:
                self._guessed.setdefault(key, []).extend(field.models)

    def judge(self, point: Composed) -> Judged | list[Problem]:
        """Judge one point: numbers given for text are taken as they were typed, the rest is pydantic's decision."""
        if self._schema is None:
            return self._accept(point)
        try:
            config = self._validate_repaired(point.values, point.members)
        except RefusedError as refused:
            return self._reporter.problems(refused, point)
        return list(self._undeclared(config, point)) or self._written(config, point)

    def _undeclared(self, config: Any, point: Composed) -> Iterator[Problem]:
        """Name the keys that pydantic ignored in models inside lists and mappings."""
        for place in self._nested:
            for key, names in ignored_keys(_held_at(config, place), get(point.values, place), place):
                message = f"There is no such key. {nearest(key[-1], names)}".strip()
                yield Problem(".".join(key), "", point.origin(key), message)

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
        except RefusedError as refused:
            raise DeclarationError(
                f"The config that was recorded does not fit the schema any more: {refused}"
            ) from refused

    def _accept(self, point: Composed) -> Judged | list[Problem]:
        values = untyped(point.values)
        missing = [key for key, value in leaves(values) if value == MISSING]
        if missing:
            return [Problem(".".join(key), "", point.origin(key), required(key, None)) for key in missing]
        if self._seeded and not isinstance(values.get("seed"), int):
            message = "The experiment is declared with seed_with, and needs a whole number: give ++seed=0."
            return [
                Problem("seed", shown(values["seed"]) if "seed" in values else "", point.origin(("seed",)), message)
            ]
        return Judged(_dict_config(values), values, {})

    def _validate_repaired(self, values: dict[str, Any], members: Mapping[Key, Model]) -> Any:
        try:
            return self._validate(values, members)
        except RefusedError as refused:
            second = repaired(values, self._reporter.located(refused, values), self._schema)
            if second is None:
                raise
            return self._validate(second, members)

    def _validate(self, values: Mapping[str, Any], members: Mapping[Key, Model]) -> Any:
        tree = untyped(values)
        # The member of a union without a discriminator is not pydantic's to guess where an option was chosen.
        chosen = [key for key in members if key in self._guessed]
        refused: dict[Key, Sequence[Any]] = {}
        for key in sorted(chosen, key=len, reverse=True):
            if isinstance(get(tree, key), dict):
                try:
                    put(tree, key, self._checked(members[key].type, tree, key, values))
                except RefusedError as error:
                    refused |= error.errors
        try:
            config = self._checked(self._type, tree, (), values)
        except RefusedError as error:
            raise RefusedError({**error.errors, **refused}) from error
        if refused:
            raise RefusedError(refused)
        return config

    def _checked(self, config_type: Any, tree: Any, prefix: Key, values: Any) -> Any:
        """Have pydantic check what is in ``tree`` below ``prefix``; validators may change it, but not ``values``."""
        from pydantic_core import ValidationError

        adapter = self._adapter(config_type)
        try:
            return adapter.validate_python(get(tree, prefix), by_name=True, by_alias=True)
        except ValidationError as error:
            # A strict schema wants dates and tuples themselves, which no file holds: as JSON it takes their texts.
            return check_as_json(adapter, get(values, prefix), prefix, error)
        except Exception as error:  # whatever a validator of the user raises
            raise RefusedError({prefix: [crash(error)]}) from error

    def _found(self, members: Mapping[str, str]) -> dict[Key, Model]:
        named = [(tuple(dotted.split(".")), name) for dotted, name in members.items()]
        return {
            key: model for key, name in named for model in self._guessed.get(key, ()) if model.type.__name__ == name
        }

    def _held(self, config: Any) -> dict[str, str]:
        """Name the classes that unions without a discriminator hold."""
        held: dict[str, str] = {}
        for key, models in self._guessed.items():
            value = _held_at(config, key)
            if any(type(value) is model.type for model in models):
                held[".".join(key)] = type(value).__name__
        return held

    def _written(self, config: Any, point: Composed) -> Judged | list[Problem]:
        """Write a config down as plain values, and make sure that the same config is read back."""
        from pydantic_core import PydanticSerializationError

        try:
            values, secrets = self._dump(config)
            members = self._held(config)
            again, same = self._dump(self.restore(values, members, secrets))
        except (PydanticSerializationError, DeclarationError) as error:
            return [
                Problem("the config as a whole", "", "", f"It cannot be written to config.yaml and read back: {error}")
            ]
        text = repr(values)
        if REDACTED in text and (hidden := [key for key in _hidden(values) if not _kept(key, secrets, same)]):
            message = f"A secret cannot be read back from here: {_OWN_FIELD}"
            return [Problem(".".join(key), "", point.origin(key), message) for key in hidden]
        if told := dict(_told(values, secrets)):
            return [
                Problem(
                    ".".join(key), "", point.origin(key), f"It would write down the secret of {secret}: {_OWN_FIELD}"
                )
                for key, secret in told.items()
            ]
        if text == repr(again):
            return Judged(config, values, secrets, members)
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
        if not self._has_sets and REDACTED not in repr(values):
            return values, {}
        native = adapter.dump_python(config, by_alias=False, round_trip=True, warnings=False)
        # A set has no order, and two runs of Python two different ones.
        return _ordered(native, values), dict(_secrets(native))

    def _adapter(self, config_type: Any) -> TypeAdapter[Any]:
        if config_type not in self._adapters:
            from pydantic import TypeAdapter

            self._adapters[config_type] = TypeAdapter(config_type)
        return self._adapters[config_type]


def _dict_config(values: Mapping[str, Any]) -> Any:
    from omegaconf import OmegaConf

    config = OmegaConf.create(dict(values))
    OmegaConf.set_struct(config, True)
    return config


def _kept(key: Key, secrets: Mapping[str, str], again: Mapping[str, str]) -> bool:
    dotted = ".".join(key)
    return dotted in secrets and again.get(dotted) == secrets[dotted]


def _hidden(values: Any) -> Iterator[Key]:
    yield from (key for key, value in leaves(values) if value == REDACTED)


def _told(values: Any, secrets: Mapping[str, str]) -> Iterator[tuple[Key, str]]:
    """Yield the keys of ordinary texts that hold a secret, as in `url=https://${token}@host`, with the key of that."""
    # What is shorter may be there by chance.
    long = [(dotted, secret) for dotted, secret in secrets.items() if len(secret) >= _LONG]
    for key, value in leaves(values) if long else ():
        yield from ((key, dotted) for dotted, secret in long if isinstance(value, str) and secret in value)


def _held_at(config: Any, key: Key) -> Any:
    for name in key:
        config = getattr(config, name, None)
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
