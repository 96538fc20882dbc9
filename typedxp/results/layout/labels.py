"""Owns the labels along a dimension: when two values are the same, and what is shown for a value."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from typedxp.results.runs.table import Table
from typedxp.vocabulary.records import Label

Identity = tuple[str, Any]
"""What is equal, and can be looked up, for equal values: 1 and 1.0 are equal, 1 and True are not."""


def identity(value: Any) -> Identity:
    """Return what tells a value from others."""
    if isinstance(value, bool | str | None):
        return type(value).__name__, value
    if isinstance(value, float) and math.isnan(value):
        return "number", "nan"
    return ("number", value) if isinstance(value, int | float) else ("json", _text(value))


def find_label(table: Table, key: str) -> Label:
    """Return what the newest run that knows the key says about it."""
    labels: dict[str, Any] = next((labels for labels in table.fact("labels").newest_first if key in labels), {})
    return Label(**labels.get(key, {}))


def label_array(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Make the one-dimensional coordinate for the values of a key: numbers or truths if all are, else text.

    Among numbers, None is NaN. Different values always have different labels.
    """
    dtype = _natural_type(values)
    if dtype == np.float64:
        values = [math.nan if value is None else value for value in values]
    return np.array(_distinguish(values) if dtype == np.str_ else values, dtype)


def possible_labels(value: Any) -> tuple[str, ...]:
    """Return the text that a value may have for a label, the likeliest first."""
    return (value, json.dumps(value)) if isinstance(value, str) else (_show(value),)


def _natural_type(values: Sequence[Any]) -> np.dtype[Any]:
    kinds = set(map(type, values))
    if kinds == {bool}:
        return np.dtype(np.bool_)
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values):
        return np.dtype(np.int64)
    return np.dtype(np.float64 if _fit_floats(values) else np.str_)


def _fit_floats(values: Sequence[Any]) -> bool:
    kinds = set(map(type, values))
    if not kinds <= {int, float, type(None)} or kinds <= {int} or kinds == {type(None)}:
        return False
    # Beyond 2**53 a float is not exact for every integer, and NaN can stand for one value only.
    exact = all(abs(value) <= 2**53 for value in values if type(value) is int)
    return exact and not (None in values and any(type(value) is float and math.isnan(value) for value in values))


def _distinguish(values: Sequence[Any]) -> list[str]:
    """Label values by text; quote those that are text if one of them reads like the label of another value."""
    texts = [value for value in values if isinstance(value, str)]
    others = {_show(value) for value in values if not isinstance(value, str)}
    # Numpy drops null characters at the end of text, so such text could not be looked up.
    clear = others.isdisjoint(texts) and not any("\0" in text for text in texts)
    return [_show(value) if clear or not isinstance(value, str) else json.dumps(value) for value in values]


def _show(value: Any) -> str:
    return str(value) if isinstance(value, bool | int | float | str | None) else _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
