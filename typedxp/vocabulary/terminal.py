"""Owns how values, and what tells a run from others, are written for a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_LONGEST = 80
"""Characters of one of several values on a line."""


def show(value: Any) -> str:
    """Write a value for a terminal: text as it is if it can be printed, everything else as JSON."""
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value, default=str)


def show_point(point: Mapping[str, Any]) -> str:
    """Write what tells a run from others: ``lr=0.1 seed=3``, and nothing at length."""
    return " ".join(f"{key}={_cut(show(value))}" for key, value in point.items())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
