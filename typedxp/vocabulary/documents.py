"""Owns the JSON Schemas (draft 2020-12) of what typedxp writes and of its settings, generated from the models."""

from __future__ import annotations

from typing import Any


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return a JSON Schema per document: ``run`` and ``status`` for the files of a run, ``settings`` for ``xp``."""
    from pydantic import TypeAdapter

    from typedxp.vocabulary.records import RunRecord, Status
    from typedxp.vocabulary.settings import Settings

    documents: dict[str, Any] = {"run": RunRecord, "status": Status, "settings": Settings}
    return {
        name: {"$schema": "https://json-schema.org/draft/2020-12/schema", **TypeAdapter(model).json_schema()}
        for name, model in documents.items()
    }
