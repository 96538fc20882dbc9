"""Owns the labels along a dimension: when two values are the same, and what is shown for a value."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from typedxp.results.runs import StoredRun
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


def find_label(runs: Iterable[StoredRun], key: str) -> Label:
    """Return what the newest run that knows the key says about it."""
    labels = [run.record.labels[key] for run in runs if key in run.record.labels]
    return labels[-1] if labels else Label()


def label_array(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Make the one-dimensional coordinate for the values of a key: numbers, truths or text if all are, else objects.

    None, lists and dicts are labelled by text, different values always by different labels.
    """
    labels = _distinguish(values, _show_all(values))
    dtype = _natural_type(labels)
    return np.fromiter(labels, object, len(labels)) if dtype.hasobject else np.array(labels, dtype)


def _show_all(values: Sequence[Any]) -> list[Any]:
    kinds = {identity(value)[0] for value in values}
    # Among numbers a lookup could not tell True from 1.
    return [str(value) if isinstance(value, bool) and "number" in kinds else _show(value) for value in values]


def _show(value: Any) -> Any:
    if value is None:
        return "None"
    return value if isinstance(value, bool | int | float | str) else _text(value)


def _distinguish(values: Sequence[Any], labels: Sequence[Any]) -> list[Any]:
    """Quote the values that are text if one of them reads like the label of another value, such as None."""
    texts = [value for value in values if isinstance(value, str)]
    quoted = [
        json.dumps(value) if isinstance(value, str) else label for value, label in zip(values, labels, strict=True)
    ]
    others = {label for value, label in zip(values, labels, strict=True) if not isinstance(value, str)}
    # Numpy drops null characters at the end of text, so such text could not be looked up.
    clear = others.isdisjoint(texts) and not any("\0" in text for text in texts)
    return list(labels) if clear else quoted


def _natural_type(labels: Sequence[Any]) -> np.dtype[Any]:
    types = set(map(type, labels))
    if types == {int} and all(-(2**63) <= label < 2**63 for label in labels):
        return np.dtype(np.int64)
    # Beyond 2**53 a float is not exact for every integer.
    if (
        float in types
        and types <= {int, float}
        and all(type(label) is float or abs(label) <= 2**53 for label in labels)
    ):
        return np.dtype(np.float64)
    return np.dtype(np.str_ if types == {str} else np.bool_ if types == {bool} else object)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
