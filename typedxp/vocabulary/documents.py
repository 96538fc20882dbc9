"""Owns the JSON Schemas (draft 2020-12) of what typedxp writes and of its settings, generated from the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typedxp.vocabulary.documented import DocumentedSchema
from typedxp.vocabulary.environment import EnvironmentDocument
from typedxp.vocabulary.jobs import JobRecord
from typedxp.vocabulary.records import FORMAT, RunRecord, Status
from typedxp.vocabulary.verification import Verification

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TIMES = {"created", "submitted", "start", "end", "verified"}


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return a JSON Schema per document.

    ``run``, ``status`` and ``verification`` are those of run.json, status.json and verification.json, ``job`` that of
    the job.json of a job, ``document`` and ``environment`` those of the documents that runs share; ``settings`` is for
    editors of the YAML files of an experiment, where settings lie under ``xp``.
    """
    from pydantic import TypeAdapter

    from typedxp.vocabulary.settings import Settings

    return {
        "run": _written("run.json of a run", RunRecord),
        "status": _written("status.json of a run", Status),
        "job": _written("jobs/N/job.json of a store", JobRecord),
        "document": _written("documents/DIGEST.json of a store", DocumentedSchema),
        "environment": _written("documents/DIGEST.json of a store, of an environment", EnvironmentDocument),
        "verification": _written("verification.json of a run", Verification),
        "settings": _settings(TypeAdapter(Settings).json_schema()),
    }


def published(title: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Make a schema of pydantic's into one that is published: with the draft, a title, and tidy descriptions."""
    tidy = walk(schema, _tidied)
    return {"$schema": _DRAFT, "title": title, **{key: value for key, value in tidy.items() if key != "title"}}


def walk(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Change every schema within a schema, the inner ones first."""
    if isinstance(value, dict):
        return change({key: _walk_part(key, item, change) for key, item in value.items()})
    return [walk(item, change) for item in value] if isinstance(value, list) else value


def _walk_part(key: str, part: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    # These hold schemas by name, and a name may be that of a keyword.
    if key in ("properties", "$defs"):
        return {name: walk(item, change) for name, item in part.items()}
    return walk(part, change)


def _written(title: str, model: type[object]) -> dict[str, Any]:
    from pydantic import TypeAdapter

    return published(title, walk(TypeAdapter(model).json_schema(), _all_required))


def _settings(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = schema.pop("$defs", {})
    return published(
        "YAML file of an experiment",
        {
            "description": "The fields of the config are the experiment's own; the settings of typedxp lie under xp.",
            "type": "object",
            "properties": {"xp": {"$ref": "#/$defs/Settings"}},
            "$defs": {**definitions, "Settings": schema},
        },
    )


def _all_required(schema: dict[str, Any]) -> dict[str, Any]:
    """Require every key, those with defaults, too: all are written. The first is the format, where there is one."""
    properties = schema.get("properties")
    if properties is None:
        return schema
    for field in properties.values():
        field.pop("default", None)
    if properties.pop("format", None) is not None:
        properties = {"format": {"const": FORMAT, "description": "version of the files of a run"}, **properties}
    return schema | {"properties": properties, "required": list(properties)}


def _tidied(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out titles that only repeat a name, join the lines of docstrings, and tell times from other text."""
    tidy = dict(schema)
    properties = tidy.get("properties", {})
    for name, field in properties.items():
        field.pop("title", None)
        if name in _TIMES:
            texts = [part for part in (field, *field.get("anyOf", ())) if part.get("type") == "string"]
            for text in texts:
                text["format"] = "date-time"
    if isinstance(tidy.get("description"), str):
        paragraphs = tidy["description"].replace("``", "`").replace(":class:", "").split("\n\n")
        tidy["description"] = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return tidy
