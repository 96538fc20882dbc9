"""Owns what is missing from a reduction: which runs are not there, or did not complete, or ran other code."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import pandas as pd
import xarray

from typedxp.errors import ResultsError
from typedxp.results.analysis.checks import Data, as_names, check_dimensions, show_label
from typedxp.results.analysis.provenance import describe, spell_ids
from typedxp.results.names import RUN, STATUS
from typedxp.results.problems import warn
from typedxp.vocabulary.records import BAD, RunStatus

CODE = "code"
MISSING = "missing"

_PARTIAL = BAD | {RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.PREEMPTED}
"""What runs are that may have logged a part of what they would log."""

_SHOWN = 5
_LOOKED_AT = 100
# The coordinates that were warned of, by identity: they are forgotten when the data is.
_told: WeakValueDictionary[int, np.ndarray[Any, Any]] = WeakValueDictionary()


def coverage(data: Data, over: str | Iterable[str]) -> xarray.Dataset:
    """Count for each cell that remains after a reduction over some dimensions how many points have a run.

    Returns:
        ``completed`` counts the points whose run completed, ``present`` those that have a run at all, ``expected`` all.

    Raises:
        ResultsError: a dimension is not there, or there is no coordinate ``status`` along it.
    """
    dims = check_dimensions(data, over)
    status = _status(data)
    for dim in dims:
        if dim not in status.dims:
            known = ", ".join(map(str, status.dims))
            raise ResultsError(f"There is one run for all of {dim}: count over some of {known}.")
    completed, present = (status == RunStatus.COMPLETED).sum(dims), (status != MISSING).sum(dims)
    expected = xarray.full_like(present, math.prod(status.sizes[dim] for dim in dims))
    counts = {"completed": completed, "present": present, "expected": expected}
    return xarray.Dataset({name: count.drop_attrs(deep=False) for name, count in counts.items()})


def check_complete(data: Data, over: str | Iterable[str]) -> None:
    """See that every point has a run that completed.

    Raises:
        ResultsError: some have not; it names them, by the cells that remain after a reduction over ``over``.
    """
    incomplete = _status(data) != RunStatus.COMPLETED
    number = int(incomplete.sum())
    if not number:
        return
    cells: dict[str, list[str]] = {}
    for cell, point in islice(_point_out(data, np.argwhere(incomplete.values), as_names(over)), _LOOKED_AT):
        cells.setdefault(cell, []).append(point)
    shown = [f"  {cell}: {_shorten(points)}" for cell, points in list(cells.items())[:_SHOWN]]
    more = ["  ..."] if len(cells) > _SHOWN or number > _LOOKED_AT else []
    raise ResultsError(
        "\n".join(
            [
                f"{number} of {incomplete.size} points have no completed run:",
                *(shown + more),
                "Run or select what is missing, or leave out complete=True.",
            ]
        )
    )


def warn_of_what_is_averaged(data: Data, over: str | Iterable[str]) -> None:
    """Warn if what is about to be averaged is of different versions of the code, or of runs that did not complete."""
    warn_of_versions(data, over)
    _warn_of_partial(data, over)


def _warn_of_partial(data: Data, over: str | Iterable[str]) -> None:
    """Warn of the runs that did not complete, or not yet, and count all the same, by what they logged until then."""
    status, run = data.coords.get(STATUS), data.coords.get(RUN)
    if status is None or run is None or not any(dim in status.dims for dim in as_names(over)):
        return
    partial = status.isin(list(_PARTIAL)).values
    if partial.any() and _is_news(status):
        ids = spell_ids(run.values[partial].ravel().tolist())
        warn(
            f"Runs that did not complete count by what they logged last: {ids}. Leave them out by "
            "open_results(..., where=\"status == 'completed'\"), or refuse them by complete=True."
        )


def warn_of_versions(data: Data, over: str | Iterable[str]) -> None:
    """Warn if runs of different versions of the code are about to be averaged.

    That is said once for a dataset and all that is selected from it.
    """
    code, run = data.coords.get(CODE), data.coords.get(RUN)
    dims = as_names(over)
    if code is None or not (along := [dim for dim in dims if dim in code.dims]):
        return
    if len(set(pd.unique(code.values.ravel())) - {""}) < 2:
        return
    versions = code if run is None else code.where(run >= 0, "")
    # Only what differs within a cell is mixed. Where the version is not known, nothing can be said.
    mixed = [cell for cell in _cells(versions, along) if len(set(cell) - {""}) > 1]
    if not mixed or not _is_news(code):
        return
    which = describe(data).get("versions") or ", ".join(sorted(set(map(str, versions.values.flat)) - {""}))
    message = f"Runs of different versions of the code are averaged over {', '.join(along)}: {which}."
    warn(f"{message} Select by the coordinate {CODE!r} to keep them apart.")


def _is_news(coordinate: xarray.DataArray) -> bool:
    """Tell whether nobody was told of what this coordinate holds, or that which it was selected from."""
    memory = np.asarray(coordinate.variable.data)
    while isinstance(memory.base, np.ndarray):
        memory = memory.base
    if _told.get(id(memory)) is memory:
        return False
    _told[id(memory)] = memory
    return True


def _point_out(data: Data, places: Iterable[Any], dims: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield for each place the cell it is in once some dimensions are reduced, and what is the matter there."""
    status = _status(data)
    # In a list of runs the labels are coordinates along it, told by their keys.
    names = [str(name) for name, coord in status.coords.items() if name in status.dims or "key" in coord.attrs]
    for place in places:
        point = status[tuple(place)]
        labels = {name: point.coords[name].item() for name in names if name != RUN}
        cell = _show({name: label for name, label in labels.items() if name not in dims}) or "all"
        within = _show({name: label for name, label in labels.items() if name in dims})
        run = int(point.coords[RUN]) if RUN in point.coords else -1
        which = f"run {run}" if run >= 0 else "a run"
        yield cell, f"{which}{f' ({within})' if within else ''} is {point.item()}"


def _cells(values: xarray.DataArray, dims: list[str]) -> Iterator[list[str]]:
    rest = [dim for dim in values.dims if dim not in dims]
    table = values.transpose(*rest, *dims).values
    return (list(map(str, cell)) for cell in table.reshape(math.prod(table.shape[: len(rest)]), -1))


def _status(data: Data) -> xarray.DataArray:
    status: xarray.DataArray | None = data.coords.get(STATUS)
    if status is None:
        raise ResultsError(
            "There is no coordinate 'status' to tell which runs completed: ask before a reduction has left it out."
        )
    return status


def _show(labels: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={show_label(label)}" for name, label in labels.items())


def _shorten(points: list[str]) -> str:
    return ", ".join(points[:_SHOWN]) + (", ..." if len(points) > _SHOWN else "")
