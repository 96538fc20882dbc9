"""Owns the JSON Schemas (draft 2020-12) of what typedxp writes and of its settings, generated from the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from typedxp.vocabulary.documented import DocumentedSchema
from typedxp.vocabulary.environment import EnvironmentDocument
from typedxp.vocabulary.records import FORMAT, RunRecord, Status
from typedxp.vocabulary.verification import Verification

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TIMES = {"created", "start", "end", "verified"}


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return a JSON Schema per document.

    ``run``, ``status`` and ``verification`` are those of run.json, status.json and verification.json, ``document`` and
    ``environment`` those of the documents that runs share; ``settings`` is for editors of the YAML files of an
    experiment, where settings lie under ``xp``.
    """
    from pydantic import TypeAdapter

    from typedxp.vocabulary.settings import Settings

    return {
        "run": _document("run.json of a run", _walk(TypeAdapter(RunRecord).json_schema(), _written)),
        "status": _document("status.json of a run", _walk(TypeAdapter(Status).json_schema(), _written)),
        "document": _document(
            "documents/DIGEST.json of a store", _walk(TypeAdapter(DocumentedSchema).json_schema(), _written)
        ),
        "environment": _document(
            "documents/DIGEST.json of a store, of an environment",
            _walk(TypeAdapter(EnvironmentDocument).json_schema(), _written),
        ),
        "verification": _document(
            "verification.json of a run", _walk(TypeAdapter(Verification).json_schema(), _written)
        ),
        "settings": _settings(TypeAdapter(Settings).json_schema()),
    }


def _document(title: str, schema: dict[str, Any]) -> dict[str, Any]:
    tidy = _walk(schema, _tidied)
    return {"$schema": _DRAFT, "title": title, **{key: value for key, value in tidy.items() if key != "title"}}


def _settings(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = schema.pop("$defs", {})
    return _document(
        "YAML file of an experiment",
        {
            "description": "The fields of the config are the experiment's own; the settings of typedxp lie under xp.",
            "type": "object",
            "properties": {"xp": {"$ref": "#/$defs/Settings"}},
            "$defs": {**definitions, "Settings": schema},
        },
    )


def _written(schema: dict[str, Any]) -> dict[str, Any]:
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
        paragraphs = tidy["description"].replace("``", "`").split("\n\n")
        tidy["description"] = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return tidy


def _walk(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(value, dict):
        return change({key: _walk(item, change) for key, item in value.items()})
    return [_walk(item, change) for item in value] if isinstance(value, list) else value
