"""Owns the comparison of arrays, and of what is made of them: datasets, tables, tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from typedxp.results.sameness.found import Found
from typedxp.results.sameness.plain import compare_plain
from typedxp.vocabulary.verification import MISSING

_ITEMS = 1_000_000
"""The number of items that are compared at a time: arrays may be larger than the memory."""


def compare_loaded(key: str, recorded: Any, repeated: Any, found: Found) -> None:
    """Compare two values that came from artifacts: arrays, mappings of them, or plain values.

    Of datasets and tables the values count, coordinates and the index among them, and not the attributes.
    """
    first, second = _parts(recorded), _parts(repeated)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for name in {**first, **second}:
            inner = f"{key}.{name}" if key else str(name)
            if name in first and name in second:
                compare_loaded(inner, first[name], second[name], found)
            else:
                pair = ("there" if name in side else MISSING for side in (first, second))
                found.differ(inner, *pair)
    elif _is_array(first) and _is_array(second):
        _compare_arrays(key, first, second, found)
    else:
        compare_plain(key, first, second, found)


def _parts(value: Any) -> Any:
    """Return the arrays that a value is made of, by name; other values as they are."""
    if hasattr(value, "data_vars"):
        return {str(name): variable.values for name, variable in value.variables.items()}
    if hasattr(value, "coords"):
        return {"": value.values, **{str(name): variable.values for name, variable in value.coords.items()}}
    if hasattr(value, "iloc"):
        columns = {str(name): value.iloc[:, place].to_numpy() for place, name in enumerate(value.columns)}
        return {"(index)": value.index.to_numpy(), **columns}
    if hasattr(value, "detach"):
        tensor = value.detach().cpu()
        # numpy has no bfloat16, which float32 holds exactly.
        return (tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy()
    return value


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")


def _compare_arrays(key: str, recorded: Any, repeated: Any, found: Found) -> None:
    if recorded.shape != repeated.shape:
        found.differ(key, f"shape {recorded.shape}", f"shape {repeated.shape}")
        return
    if (recorded.dtype.kind in "biufc") != (repeated.dtype.kind in "biufc"):
        found.differ(key, f"type {recorded.dtype}", f"type {repeated.dtype}")
        return
    for start, first, second in _blocks(recorded, repeated):
        _compare_block(key, start, first, second, found)


def _blocks(recorded: Any, repeated: Any) -> Iterator[tuple[int, Any, Any]]:
    """Yield parts of two arrays of the same shape, each with the place where it begins along the first dimension."""
    import numpy as np

    if not recorded.ndim:
        yield 0, np.asarray(recorded), np.asarray(repeated)
        return
    rows = max(1, _ITEMS * len(recorded) // max(1, recorded.size))
    for start in range(0, len(recorded), rows):
        yield start, np.asarray(recorded[start : start + rows]), np.asarray(repeated[start : start + rows])


def _compare_block(key: str, start: int, recorded: Any, repeated: Any, found: Found) -> None:
    import numpy as np

    unequal = np.asarray((recorded != repeated) & ~(_missing(recorded) & _missing(repeated)))
    if not unequal.any():
        return
    first, second = recorded[unequal], repeated[unequal]
    if recorded.dtype.kind in "iufc":
        far = _too_far(first, second, found)
        if not far.any():
            return
        unequal[unequal] = far
    place = np.argwhere(unequal)[0].tolist()
    values = [array[tuple(place)] for array in (recorded, repeated)]
    if place:
        place[0] += start
    found.differ(f"{key}[{', '.join(map(str, place))}]" if place else key, *map(_scalar, values))


def _missing(array: Any) -> Any:
    """Say where an array holds what is not equal to itself: NaN, and times that are none."""
    return array != array  # noqa: PLR0124


def _too_far(recorded: Any, repeated: Any, found: Found) -> Any:
    """Say which of two one-dimensional arrays of numbers are farther apart than is allowed, and note how far."""
    import numpy as np

    wide = np.complex128 if "c" in recorded.dtype.kind + repeated.dtype.kind else np.float64
    tolerance = found.tolerance
    with np.errstate(all="ignore"):
        size = np.abs(recorded.astype(wide))
        distance = np.abs(recorded.astype(wide) - repeated.astype(wide))
        if recorded.dtype.kind + repeated.dtype.kind in ("ii", "uu"):
            # Of integers beyond 53 bits, floats may not tell one from the next.
            distance = np.maximum(distance, 1)
        relative = distance / size
        finite = np.isfinite(distance)
        if finite.any():
            found.distance(float(distance[finite].max()), float(relative[finite].max()))
        far: Any = ~(finite & (distance <= tolerance.atol + tolerance.rtol * size))
    return far


def _scalar(value: Any) -> Any:
    plain = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, bool | int | float | None) else str(plain)
