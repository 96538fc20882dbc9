"""Owns the reading of the user's types: pydantic models, dataclasses and signatures become a :class:`Model`.

pydantic is loaded by the functions, since declaring an experiment must not load it.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import typing
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typedxp.errors import DeclarationError
from typedxp.stages.declare.annotations import (
    alternatives,
    bare,
    constraints,
    enum_words,
    field_types,
    is_model,
    is_secret,
    models_inside,
    spell_type,
)
from typedxp.stages.declare.instances import equal, part_of, plain_or_missing
from typedxp.vocabulary.schema import MISSING, Field, Made, Model

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

RESERVED = {"xp": "typedxp's own settings", "hydra": "Hydra's own settings", "defaults": "Hydra's defaults lists"}
"""What a key stands for that no field may have. Defaults lists may be anywhere, the others at the top."""


def signature_model(name: str, parameters: Sequence[inspect.Parameter], hints: Mapping[str, Any]) -> Any:
    """Make the pydantic model that a function's own signature stands for.

    Raises:
        DeclarationError: pydantic has no schema for one of the annotations.
    """
    from pydantic import ConfigDict, create_model
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

    fields = {
        p.name: (
            hints.get(p.name, Any if p.default is None else type(p.default)),
            ... if p.default is p.empty else p.default,
        )
        for p in parameters
    }
    title = "".join(part.title() for part in re.split(r"[\W_]+", name))
    try:
        with warnings.catch_warnings():
            # A parameter may be called as a method of pydantic's: nobody will call the method.
            warnings.simplefilter("ignore", UserWarning)
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
    for key, field in model.keys():
        words = {field.name, *field.aliases} & (RESERVED.keys() if len(key) == 1 else {"defaults"})
        problems += [
            f"{'.'.join(key)}: {word} is reserved for {RESERVED[word]}. Give the field another name."
            for word in sorted(words)
        ]
    problems += [] if problems else _unwritable(schema)
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise DeclarationError(f"{schema.__name__} cannot be the schema of an experiment:\n{listed}")
    return model


def _model(
    schema: Any,
    parents: tuple[Any, ...],
    problems: list[str],
    tag: tuple[str, Any] | None = None,
    tags: tuple[Any, ...] = (),
) -> Model:
    fields = tuple(_field(name, info, (*parents, schema), problems) for name, info in _field_infos(schema, problems))
    option = str(tag[1]) if tag else _snake_case(schema.__name__)
    return Model(option, schema, fields, tag, extra=_config(schema).get("extra") == "allow", tags=tags)


def _snake_case(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    # The names of generic models have brackets, which cannot be typed as an option.
    return re.sub(r"\W+", "_", words).strip("_").lower()


def _config(schema: Any) -> Mapping[str, Any]:
    config = getattr(schema, "model_config", None) or getattr(schema, "__pydantic_config__", None) or {}
    return typing.cast("Mapping[str, Any]", config)


def _field_infos(schema: Any, problems: list[str]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield pydantic's description of every field of a pydantic model, pydantic dataclass or stdlib dataclass."""
    try:
        _complete(schema)
    except NameError as error:
        problems.append(f"{schema.__name__}: {_first_line(error)}.")
        return
    infos = getattr(schema, "model_fields", None) or getattr(schema, "__pydantic_fields__", None)
    if infos is not None:
        for name, info in infos.items():
            if info.exclude or info.init is False:
                problems.append(
                    f"{name}: a field that is not written or not given cannot be replicated. Make it a property."
                )
            yield name, info
    elif dataclasses.is_dataclass(schema):
        yield from _dataclass_infos(schema, problems)


def _complete(schema: Any) -> None:
    """Look up the names in the annotations of a class that may have been defined after it."""
    from pydantic.dataclasses import rebuild_dataclass

    if getattr(schema, "__pydantic_complete__", True):
        return
    if hasattr(schema, "model_rebuild"):
        schema.model_rebuild()
    else:
        rebuild_dataclass(schema)


def _dataclass_infos(schema: Any, problems: list[str]) -> Iterator[tuple[str, FieldInfo]]:
    from pydantic.fields import FieldInfo

    try:
        hints = typing.get_type_hints(schema, include_extras=True)
    except NameError as error:
        problems.append(f"{schema.__name__}: {error}.")
        return
    for name, hint in hints.items():
        if isinstance(hint, dataclasses.InitVar):
            problems.append(f"{name}: an InitVar is not kept, and cannot be written down. Make it a field.")
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
    members, optional = alternatives(info.annotation)
    models = _members(members, info, parents, problems)
    default = _default(info)
    choice, custom, value = _chosen(name, default, models, problems, optional=optional)
    secret = is_secret(info.annotation)
    inside = [] if models else models_inside(info.annotation)
    veiled = frozenset(word for model in inside for word, hint in field_types(model).items() if is_secret(hint))
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    unit = extra.get("unit") or extra.get("units")
    return Field(
        name=name,
        type=spell_type(info.annotation),
        default=MISSING if (secret and value is not None) or (veiled and value) else value,
        required=info.is_required(),
        aliases=tuple(dict.fromkeys(alias for alias in aliases if alias != name)),
        description=info.description,
        unit=str(unit) if unit else None,
        constraints=tuple(constraints(info)),
        optional=optional,
        secret=secret,
        names=tuple(enum_words(info.annotation)),
        models=models,
        nested=bool(inside),
        veiled=veiled,
        choice=choice,
        custom=custom,
    )


def _members(members: list[Any], info: FieldInfo, parents: tuple[Any, ...], problems: list[str]) -> tuple[Model, ...]:
    # A model inside itself ends here: deeper levels are plain values.
    if not members or not all(is_model(cls) and cls not in parents for cls in members):
        return ()
    discriminator = info.discriminator if isinstance(info.discriminator, str) else None
    models: list[Model] = []
    for cls in members:
        tags = _tags(cls, discriminator) if discriminator else ()
        chosen = [(discriminator, tag) for tag in tags] if discriminator else [None]
        models += [_model(cls, parents, problems, tag, tags) for tag in chosen]
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        problems.append(
            f"{spell_type(info.annotation)}: two members would have the same option {names}. Rename a class."
        )
    return tuple(models)


def _tags(member: Any, discriminator: str) -> tuple[Any, ...]:
    infos = dict(_field_infos(member, []))
    name = next((n for n, info in infos.items() if discriminator in (n, info.alias)), discriminator)
    tags = typing.get_args(bare(infos[name].annotation))
    return tuple(tag.value if isinstance(tag, enum.Enum) else tag for tag in tags)


def _default(info: FieldInfo) -> Any:
    """Return the default of a field, or MISSING where there is none that is the same for every run."""
    from pydantic_core import PydanticUndefined

    if info.default_factory is None:
        return MISSING if info.default is PydanticUndefined or info.default is ... else info.default
    if info.default_factory_takes_validated_data:
        return MISSING
    first, second = info.default_factory(), info.default_factory()  # type: ignore[call-arg]
    # A time, an id or a random number is made anew for every run, when it is validated.
    return first if equal(first, second) else MISSING


def _chosen(
    name: str, default: Any, models: tuple[Model, ...], problems: list[str], *, optional: bool
) -> tuple[str | None, Made | None, Any]:
    """Say which option of a config group a default is, or what makes it different from all options."""
    if not models:
        return None, None, plain_or_missing(default)
    if default is None and optional:
        return None, None, None
    if default is MISSING:
        return MISSING, None, MISSING
    try:
        made = part_of(name, default, models)
    except DeclarationError as error:
        problems.append(str(error))
        return MISSING, None, MISSING
    return (made.model.name, None, MISSING) if made.ordinary else ("default", made, MISSING)


def _unwritable(schema: Any) -> list[str]:
    """Name the fields whose types have no form in a file: functions, classes, arbitrary objects."""
    from pydantic.errors import PydanticUserError

    try:
        _json_schema(schema)
    except (PydanticUserError, NameError) as error:
        return [f"{name}: {reason}" for name, reason in _culprits(schema)] or [_first_line(error)]
    return []


def _json_schema(annotation: Any) -> None:
    from pydantic import TypeAdapter
    from pydantic.json_schema import GenerateJsonSchema

    class Quiet(GenerateJsonSchema):
        """What has a JSON Schema is of interest, not how its default looks there."""

        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - pydantic's own way

    TypeAdapter(annotation).json_schema(schema_generator=Quiet)


def _culprits(schema: Any) -> Iterator[tuple[str, str]]:
    from pydantic.errors import PydanticUserError

    for name, info in _field_infos(schema, []):
        try:
            _json_schema(info.annotation)
        except (PydanticUserError, NameError):
            yield name, f"{spell_type(info.annotation)} cannot be given on a command line or written to a file."


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
