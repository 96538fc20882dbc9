"""Owns JSON and text."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import pathlib
import uuid
from pathlib import Path
from typing import Any

from typedxp.artifacts.kinds.arrays import is_array
from typedxp.artifacts.kinds.kind import Kind, is_a, made_of
from typedxp.errors import RecordError

_ENCODING = ("utf-8", "surrogatepass")

_AS_TEXT = (
    enum.Enum,
    pathlib.PurePath,
    dt.date,
    dt.time,
    dt.timedelta,
    uuid.UUID,
)
"""Types that JSON writes as pydantic does."""


def is_plain(value: Any) -> bool:
    """Say whether JSON keeps ``value``: plain values, pydantic models, dataclasses, and arrays in them."""
    return not is_a(value, "numpy.ndarray") and made_of(value, _is_leaf)


def _is_leaf(value: Any) -> bool:
    if value is None or isinstance(value, (bool, int, float, str, *_AS_TEXT)):
        return True
    if dataclasses.is_dataclass(value):
        return not isinstance(value, type)
    return is_array(value) or is_a(value, "pydantic.main.BaseModel")


def _save_json(value: Any, path: Path) -> None:
    plain = _plain(value)
    # NaN and the infinities are written as Python, JavaScript and most readers of JSON spell them.
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    path.write_bytes(text.encode(*_ENCODING) + b"\n")


def _plain(value: Any) -> Any:
    """Make plain values of models, dataclasses and arrays."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, dict):
        _check_keys(value)
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if is_array(value):
        return _plain(value.tolist())
    from pydantic_core import to_jsonable_python

    if dataclasses.is_dataclass(value):
        # One field at a time, since a field may hold an array.
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return to_jsonable_python(value, inf_nan_mode="constants", fallback=_plain_or_refuse)


def _plain_or_refuse(value: Any) -> Any:
    if is_array(value):
        return value.tolist()
    raise RecordError(f"JSON cannot hold {value!r}, a {type(value).__name__}.")


def _check_keys(value: dict[Any, Any]) -> None:
    for key in value:
        if not isinstance(key, str):
            raise RecordError(f"JSON knows only text as keys, not {key!r}: use {str(key)!r}.")


def _load_json(path: Path) -> Any:
    return json.loads(path.read_bytes().decode(*_ENCODING))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _save_text(value: str, path: Path) -> None:
    path.write_bytes(value.encode(*_ENCODING))


def _load_text(path: Path) -> str:
    return path.read_bytes().decode(*_ENCODING)


KINDS = (
    Kind(
        "text",
        (".txt", ".md", ".rst", ".yaml", ".yml", ".toml", ".csv", ".html", ".tex", ".svg", ".log", ".py"),
        _is_text,
        _save_text,
        _load_text,
        sequential=True,
    ),
    Kind("json", (".json",), is_plain, _save_json, _load_json, sequential=True),
)
