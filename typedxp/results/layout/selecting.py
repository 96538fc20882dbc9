"""Owns selecting along a dimension whose labels are text by the values themselves: None, tuples, enums, paths."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np
from xarray.indexes import PandasIndex

from typedxp.results.layout.labels import possible_labels


class LabelIndex(PandasIndex):
    """An index of text that also finds the values that the text stands for: ``.sel(betas=(0.9, 0.999))``."""

    def sel(self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None) -> Any:
        """Select by labels, or by what they stand for; a list is several, unless it is the value of a label itself."""
        known = frozenset(self.index)
        translated = {name: _translate(value, known) for name, value in labels.items()}
        return super().sel(translated, method, tolerance)


def _translate(value: Any, known: frozenset[Hashable]) -> Any:
    if isinstance(value, slice | np.ndarray) or hasattr(value, "dims"):
        return value
    found = next((label for label in possible_labels(_plain(value)) if label in known), None)
    if found is not None:
        return found
    return [_translate(item, known) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Return the value as it is in a config."""
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
