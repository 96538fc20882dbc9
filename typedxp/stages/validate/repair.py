"""Owns the second reading: values that are not what was wanted as they stand, but may be meant so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from typedxp.stages.validate.refusal import RefusedError
from typedxp.vocabulary.plan import TypedFloat, TypedInt
from typedxp.vocabulary.schema import Field, Key, Model
from typedxp.vocabulary.tree import copy, get, put, untyped

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ValidationError

# What pydantic calls a number that stands where text is wanted.
_WANTS_TEXT = {"string_type", "literal_error", "enum", "path_type", "string_sub_type", "bytes_type", "decimal_type"}


def repaired(values: Any, located: Iterable[tuple[Key, Any]], schema: Model | None) -> dict[str, Any] | None:
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


def check_as_json(adapter: TypeAdapter[Any], values: Any, prefix: Key, first: ValidationError) -> Any:
    """Have pydantic check ``values`` once more, as JSON, after it refused them with ``first``.

    Raises:
        RefusedError: they are refused as JSON, too.
    """
    from pydantic_core import ValidationError, to_json

    try:
        return adapter.validate_json(to_json(untyped(values), inf_nan_mode="constants"), by_name=True, by_alias=True)
    except ValidationError as second:
        # What both say is better said in the words of Python: a list and not an array.
        fewer = min(first, second, key=lambda error: error.error_count())
        raise RefusedError({prefix: fewer.errors(include_url=False)}) from fewer


def _enum_names(key: Key, schema: Model | None) -> dict[str, Any]:
    """Return the members of the enum at ``key``, which may be inside a list or a mapping."""
    found: list[Field | None] = (
        [schema.find(key[:depth]) for depth in range(len(key), 0, -1)] if schema is not None else []
    )
    return dict(next((field.names for field in found if field is not None), ()))
