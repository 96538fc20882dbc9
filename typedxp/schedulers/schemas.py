"""Owns the JSON Schemas of profiles, by which editors complete and check the YAML files that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typedxp.schedulers.registry import get_scheduler, scheduler_names
from typedxp.vocabulary.documents import published, walk

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile

_INTERPOLATION = {"type": "string", "pattern": r"\$\{"}


def profile_schemas() -> dict[str, dict[str, Any]]:
    """Return a JSON Schema per scheduler, ours and those of other packages.

    Raises:
        ProfileError: the package that adds a scheduler does not load.
    """
    return {name: profile_schema(get_scheduler(name).profile) for name in scheduler_names()}


def profile_schema(model: type[Profile]) -> dict[str, Any]:
    """Return the JSON Schema of a profile in YAML: all that the model takes, and what stands for it there."""
    schema = walk(model.model_json_schema(), _as_in_yaml)
    properties = {name: _interpolated(field) for name, field in schema["properties"].items() if name != "scheduler"}
    scheduler = {**schema["properties"]["scheduler"], "description": "the scheduler that the profile is for"}
    # Hydra reads it, and takes it out.
    defaults = {"type": "array", "description": "profiles of the project to begin with, as in [base, _self_]"}
    schema["properties"] = {"scheduler": scheduler, **properties, "defaults": defaults}
    return published(f"YAML file of a profile for {model.model_fields['scheduler'].default}", schema)


def _as_in_yaml(schema: dict[str, Any]) -> dict[str, Any]:
    """Let names be numbers, which need no quotes in YAML, and text in general."""
    free = schema.get("type") == "string" and not {"const", "enum", "examples", "format", "pattern"} & set(schema)
    return {**schema, "type": ["string", "number"]} if free else schema


def _interpolated(field: dict[str, Any]) -> dict[str, Any]:
    """Let a value be an interpolation, as in ``${oc.env:NAME}``, whatever its type."""
    # Editors write the default of what they complete, and null says nothing.
    kept = {key: field[key] for key in ("description", "default") if field.get(key) is not None}
    rest = {key: value for key, value in field.items() if key not in {"description", "default", "title"}}
    options = rest.pop("anyOf", None) or [rest]
    if any(option.get("type") == ["string", "number"] for option in options):
        return {**kept, "anyOf": options} if len(options) > 1 else {**kept, **options[0]}
    return {**kept, "anyOf": [*options, _INTERPOLATION]}
