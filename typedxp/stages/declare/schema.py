"""Owns the reading of the user's types: pydantic models, dataclasses and signatures become a :class:`Model`.

pydantic is loaded by the functions, since declaring an experiment must not load it.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typedxp.errors import DeclarationError
from typedxp.vocabulary.schema import MISSING, Field, Key, Model

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

RESERVED = "xp"


def signature_model(name: str, parameters: Sequence[inspect.Parameter], hints: Mapping[str, Any]) -> Any:
    """Make the pydantic model that a function's own signature stands for.

    Raises:
        DeclarationError: pydantic has no schema for one of the annotations.
    """
    from pydantic import ConfigDict, create_model
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

    fields = {
        p.name: (hints.get(p.name, type(p.default)), ... if p.default is p.empty else p.default) for p in parameters
    }
    title = "".join(part.title() for part in re.split(r"[\W_]+", name))
    try:
        return create_model(title, __config__=ConfigDict(extra="forbid", protected_namespaces=()), **fields)  # type: ignore[call-overload]
    except (PydanticSchemaGenerationError, PydanticUserError, NameError) as error:
        raise DeclarationError(f"The signature of {name} cannot be a schema: {_first_line(error)}") from error


def describe(schema: Any) -> Model:
    """Describe a schema class: every field, nested ones and the members of unions included.

    Raises:
        DeclarationError: fields that could not be given on a command line or written to a file; all are named.
    """
    problems: list[str] = []
    model = _model(schema, (), problems)
    if model.field(RESERVED) is not None:
        problems.append(f"{RESERVED}: the key is reserved for typedxp's own settings. Give the field another name.")
    problems += [] if problems else _unwritable(schema)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise DeclarationError(f"{schema.__name__} cannot be the schema of an experiment:\n{listed}")
    return model


def _model(schema: Any, parents: tuple[Any, ...], problems: list[str], tag: tuple[str, Any] | None = None) -> Model:
    fields = tuple(_field(name, info, (*parents, schema), problems) for name, info in _field_infos(schema, problems))
    option = str(tag[1]) if tag else re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", schema.__name__).lower()
    return Model(option, schema, fields, tag, extra=_config(schema).get("extra") == "allow")


def _config(schema: Any) -> Mapping[str, Any]:
    config = getattr(schema, "model_config", None) or getattr(schema, "__pydantic_config__", None) or {}
    return typing.cast("Mapping[str, Any]", config)


def _field_infos(schema: Any, problems: list[str]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield pydantic's description of every field of a pydantic model, pydantic dataclass or stdlib dataclass."""
    infos = getattr(schema, "model_fields", None) or getattr(schema, "__pydantic_fields__", None)
    if infos is not None:
        for name, info in infos.items():
            if info.exclude or info.init is False:
                problems.append(f"{name}: a field that is not written or not given cannot be replicated. Make it a property.")
            yield name, info
    elif dataclasses.is_dataclass(schema):
        yield from _dataclass_infos(schema, problems)


def _dataclass_infos(schema: Any, problems: list[str]) -> Iterator[tuple[str, FieldInfo]]:
    from pydantic.fields import FieldInfo

    hints = typing.get_type_hints(schema, include_extras=True)
    for item in dataclasses.fields(schema):
        if not item.init:
            problems.append(f"{item.name}: a field with init=False cannot be given. Make it a property.")
            continue
        info = FieldInfo.from_annotation(hints[item.name])
        if item.default is not dataclasses.MISSING:
            info.default = item.default
        elif item.default_factory is not dataclasses.MISSING:
            info.default_factory = item.default_factory
        yield item.name, info


def _field(name: str, info: FieldInfo, parents: tuple[Any, ...], problems: list[str]) -> Field:
    from pydantic import AliasChoices

    aliases: list[str] = [info.alias] if info.alias else []
    if isinstance(info.validation_alias, str):
        aliases.append(info.validation_alias)
    elif isinstance(info.validation_alias, AliasChoices):
        aliases += [choice for choice in info.validation_alias.choices if isinstance(choice, str)]
    members, optional = _alternatives(info.annotation)
    models = _members(members, info, parents, problems)
    default = _default(info)
    choice, custom, plain = _chosen(default, models, optional=optional)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    unit = extra.get("unit") or extra.get("units")
    return Field(
        name=name,
        type=_spell(info.annotation),
        default=MISSING if _is_secret(info.annotation) else plain,
        required=info.is_required(),
        aliases=tuple(dict.fromkeys(alias for alias in aliases if alias != name)),
        description=info.description,
        unit=str(unit) if unit else None,
        constraints=tuple(_constraints(info)),
        optional=optional,
        secret=_is_secret(info.annotation),
        names=tuple((m.name, plain(m)) for cls in members if _is_enum(cls) for m in _bare(cls)),
        models=models,
        choice=choice,
        custom=custom,
    )


def _alternatives(annotation: Any) -> tuple[list[Any], bool]:
    """Take a union apart into its members, and whether None is one of them."""
    annotation = _bare(annotation)
    members = list(typing.get_args(annotation)) if _is_union(annotation) else [annotation]
    return [member for member in members if member is not type(None)], type(None) in members


def _members(members: list[Any], info: FieldInfo, parents: tuple[Any, ...], problems: list[str]) -> tuple[Model, ...]:
    classes = [_bare(member) for member in members]
    # A model inside itself ends here: deeper levels are plain values.
    if not classes or not all(_is_model(cls) and cls not in parents for cls in classes):
        return ()
    discriminator = info.discriminator if isinstance(info.discriminator, str) else None
    models = [
        _model(cls, parents, problems, (discriminator, _tag(cls, discriminator)) if discriminator else None)
        for cls in classes
    ]
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        problems.append(f"{_spell(info.annotation)}: two members would have the same option {names}. Rename a class.")
    return tuple(models)


def _tag(member: Any, discriminator: str) -> Any:
    infos = dict(_field_infos(member, []))
    name = next((n for n, info in infos.items() if discriminator in (n, info.alias)), discriminator)
    tag = typing.get_args(_bare(infos[name].annotation))[0]
    return tag.value if isinstance(tag, enum.Enum) else tag


def _default(info: FieldInfo) -> Any:
    """Return the default of a field, or MISSING where there is none that is the same for every run."""
    from pydantic_core import PydanticUndefined

    if info.default_factory is None:
        return MISSING if info.default is PydanticUndefined or info.default is ... else info.default
    if info.default_factory_takes_validated_data:
        return MISSING
    first, second = info.default_factory(), info.default_factory()  # type: ignore[call-arg]
    # A time, an id or a random number is made anew for every run, when it is validated.
    return first if first == second else MISSING


def _chosen(default: Any, models: tuple[Model, ...], *, optional: bool) -> tuple[str | None, tuple[Model, Any] | None, Any]:
    """Say which option of a config group a default is, or what makes it different from all options."""
    if not models:
        return None, None, plain(default)
    if default is None and optional:
        return None, None, None
    member = next((model for model in models if type(default) is model.type), None)
    if member is None:
        return MISSING, None, MISSING
    if default == _instance(member.type):
        return member.name, None, MISSING
    return "default", (member, values_of(default, member)), MISSING


def _instance(cls: Any) -> Any:
    """Make an instance from nothing but defaults, or None where values are required."""
    try:
        return cls()
    except (TypeError, ValueError):
        return None


def values_of(instance: Any, model: Model) -> dict[str, Any]:
    """Take an instance of a model apart into plain values, secrets included."""
    values: dict[str, Any] = {}
    for field in model.fields:
        value = getattr(instance, field.name)
        member = next((member for member in field.models if type(value) is member.type), None)
        values[field.name] = values_of(value, member) if member is not None else plain(value)
    return values


def members_of(instance: Any, model: Model, key: Key = ()) -> Iterator[tuple[Key, Model]]:
    """Yield which model each nested field of an instance holds, with the key of the field."""
    for field in model.fields:
        value = getattr(instance, field.name)
        member = next((member for member in field.models if type(value) is member.type), None)
        if member is not None:
            yield (*key, field.name), member
            yield from members_of(value, member, (*key, field.name))


def plain(value: Any) -> Any:
    """Turn a value of any kind that pydantic knows into plain JSON values."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError:
        return MISSING


def _unwritable(schema: Any) -> list[str]:
    """Name the fields whose types have no form in a file: functions, classes, arbitrary objects."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError

    try:
        adapter = TypeAdapter(schema)
        adapter.json_schema(mode="validation")
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError, NameError) as error:
        return [f"{name}: {reason}" for name, reason in _culprits(schema)] or [_first_line(error)]
    return []


def _culprits(schema: Any) -> Iterator[tuple[str, str]]:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    for name, info in _field_infos(schema, []):
        try:
            TypeAdapter(info.annotation).json_schema(mode="validation")
        except (PydanticUserError, NameError):
            yield name, f"{_spell(info.annotation)} cannot be given on a command line or written to a file."


def _bare(annotation: Any) -> Any:
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return getattr(annotation, "__value__", annotation) if isinstance(annotation, _ALIASES) else annotation


_ALIASES = (typing.TypeAliasType,) if hasattr(typing, "TypeAliasType") else ()


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _is_model(cls: Any) -> bool:
    if not isinstance(cls, type):
        return False
    if hasattr(cls, "model_fields"):
        return not getattr(cls, "__pydantic_root_model__", False)
    return dataclasses.is_dataclass(cls)


def _is_enum(cls: Any) -> bool:
    bare = _bare(cls)
    return isinstance(bare, type) and issubclass(bare, enum.Enum)


def _is_secret(annotation: Any) -> bool:
    bare = _bare(annotation)
    if _is_union(bare):
        return any(_is_secret(member) for member in typing.get_args(bare))
    origin = typing.get_origin(bare) or bare
    return isinstance(origin, type) and hasattr(origin, "get_secret_value")


_SYMBOLS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "multiple_of": "multiple of", "min_length": "length >=", "max_length": "length <=", "pattern": "matches"}


def _constraints(info: FieldInfo) -> Iterator[str]:
    for item in info.metadata:
        for name, symbol in _SYMBOLS.items():
            value = getattr(item, name, None)
            if value is not None and not callable(value):
                yield f"{symbol} {value}"


def _spell(annotation: Any) -> str:
    """Write a type as a user would."""
    bare = _bare(annotation)
    if _is_union(bare):
        return " | ".join(_spell(member) for member in typing.get_args(bare))
    if bare is type(None):
        return "None"
    if typing.get_origin(bare) is typing.Literal:
        return " | ".join(repr(choice) for choice in typing.get_args(bare))
    if _is_enum(bare):
        return " | ".join(repr(choice.value) for choice in bare)
    if arguments := typing.get_args(bare):
        origin = getattr(typing.get_origin(bare), "__name__", str(typing.get_origin(bare)))
        return f"{origin}[{', '.join('...' if argument is ... else _spell(argument) for argument in arguments)}]"
    return getattr(bare, "__name__", str(bare))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
