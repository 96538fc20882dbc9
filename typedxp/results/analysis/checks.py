"""Owns comparing what is asked for with what is there: dimensions, variables and words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray

from typedxp.errors import ResultsError, nearest

Data = xarray.Dataset | xarray.DataArray
Labelled = TypeVar("Labelled", xarray.DataArray, xarray.Dataset)


def as_names(over: str | Iterable[str]) -> tuple[str, ...]:
    """Return one name or several, each once, as a tuple."""
    return (over,) if isinstance(over, str) else tuple(dict.fromkeys(over))


def check_dimensions(data: Data, over: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of the dimensions in ``over``, after seeing that the data has them.

    Raises:
        ResultsError: none is named, or one of them is no dimension.
    """
    names = as_names(over)
    known = [str(dim) for dim in data.dims]
    if not names:
        raise ResultsError(f"Name a dimension to go over. {_listed(known)}")
    for name in names:
        if name not in known:
            raise ResultsError(f"There is no dimension {name!r}. {_explain(data, name, known)}")
    return names


def check_word(given: str, known: Iterable[str], what: str) -> str:
    """Return the ``given`` word if it is one of the ``known`` ones; ``what`` says what it chooses.

    Raises:
        ResultsError: it is none of them.
    """
    known = tuple(known)
    if given in known:
        return given
    raise ResultsError(f"{what} cannot be {given!r}. {nearest(str(given), known)}")


def check_variable(dataset: xarray.Dataset, name: str | None, wanted: str = "of") -> str:
    """Return the ``name`` of a variable, or that of the only numeric one; ``wanted`` is the argument that names it.

    Raises:
        ResultsError: there is no such variable, or none is named and there is not exactly one.
    """
    known = [str(variable) for variable in dataset.data_vars]
    if name is not None:
        if name not in known:
            raise ResultsError(f"There is no variable {name!r}. {nearest(name, known)}")
        return name
    numeric = [name for name in known if is_numeric(dataset[name])]
    if len(numeric) != 1:
        raise ResultsError(f"Say which variable is meant, by {wanted}=...: there are {', '.join(numeric) or 'none'}.")
    return numeric[0]


def is_numeric(array: xarray.DataArray) -> bool:
    """Tell whether an array holds numbers or truths, so that it has a mean."""
    return array.dtype.kind in "biuf"


def check_numeric(array: xarray.DataArray) -> None:
    """See that an array holds numbers.

    Raises:
        ResultsError: it holds something else, such as text.
    """
    if not is_numeric(array):
        raise ResultsError(f"{array.name} holds no numbers but {array.dtype}: it has no mean.")


def show_label(value: Any) -> str:
    """Show a label as it is typed: ``0.1``, ``adam``."""
    return str(value.item() if isinstance(value, np.generic | np.ndarray) else value)


def _explain(data: Data, name: str, known: Sequence[str]) -> str:
    if name in data.coords and data.coords[name].ndim:
        along = ", ".join(map(str, data.coords[name].dims))
        return f"It is a coordinate along {along}: open_results(..., layout='grid') makes dimensions of the keys."
    if name in data.coords:
        return f"Only {name} = {show_label(data.coords[name].values)} is left of it. {_listed(known)}"
    return nearest(name, known) if known else _listed(known)


def _listed(known: Sequence[str]) -> str:
    return f"The dimensions are {', '.join(known)}." if known else "No dimension is left."
