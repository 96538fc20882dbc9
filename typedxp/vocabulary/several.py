"""Owns lists of settings that hold one value as often as several: one alone needs no list."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator


def listed(value: Any) -> Any:
    """Put a single text or number into a list; leave anything else to whoever judges it."""
    return [value] if isinstance(value, str | int | float) else value


ONE_OR_MORE = BeforeValidator(listed, json_schema_input_type=str | list[str])
"""Lets a list of texts be given as one text."""
