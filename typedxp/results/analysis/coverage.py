"""Owns what is missing from a reduction: which runs are not there, or did not complete, or ran other code."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import xarray

from typedxp.errors import ResultsError
from typedxp.results.analysis.checks import Data, as_names, check_dimensions, show_label
from typedxp.results.analysis.provenance import describe
from typedxp.results.names import RUN, STATUS
from typedxp.results.runs import ResultsWarning
from typedxp.vocabulary.records import RunStatus

CODE = "code"
MISSING = "missing"

_SHOWN = 5
# What was warned of, by its identity: entries go when the data goes.
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
    return xarray.Dataset({name: count.drop_attrs() for name, count in counts.items()})


def check_complete(data: Data, over: str | Iterable[str]) -> None:
    """See that every point has a run that completed.

    Raises:
        ResultsError: some have not; it names them, by the cells that remain after a reduction over ``over``.
    """
    dims = as_names(over)
    bad = list(_incomplete(data))
    if not bad:
        return
    cells: dict[str, list[str]] = {}
    for labels, run, status in bad:
        cell = _show({name: label for name, label in labels.items() if name not in dims}) or "all points"
        within = _show({name: label for name, label in labels.items() if name in dims})
        where = f" ({within})" if within else ""
        cells.setdefault(cell, []).append(f"{f'run {run}' if run >= 0 else 'a run'}{where} is {status}")
    shown = "".join(f"\n  {cell}: {_shorten(points)}" for cell, points in list(cells.items())[:_SHOWN])
    more = f"\n  ... and {len(cells) - _SHOWN} more" if len(cells) > _SHOWN else ""
    raise ResultsError(
        f"{len(bad)} points in {len(cells)} cells have no completed run:{shown}{more}\n"
        "Run or select what is missing, or leave out complete=True."
    )


def warn_of_versions(data: Data, over: str | Iterable[str]) -> None:
    """Warn, once for the same data, if runs of different versions of the code are about to be averaged."""
    code, run = data.coords.get(CODE), data.coords.get(RUN)
    dims = as_names(over)
    if code is None or not (along := [dim for dim in dims if dim in code.dims]):
        return
    versions = code if run is None else code.where(run >= 0, "")
    # Only what differs within a cell is mixed. Where the version is not known, nothing can be said.
    mixed = [cell for cell in _cells(versions, along) if len(set(cell) - {""}) > 1]
    identity = code.variable.data
    if not mixed or _told.get(id(identity)) is identity:
        return
    _told[id(identity)] = identity
    which = describe(data).get("versions") or ", ".join(sorted(set(map(str, versions.values.flat)) - {""}))
    message = f"Runs of different versions of the code are averaged over {', '.join(along)}: {which}."
    warnings.warn(f"{message} Select by the coordinate {CODE!r} to keep them apart.", ResultsWarning, stacklevel=4)


def _incomplete(data: Data) -> Iterator[tuple[Mapping[str, object], int, str]]:
    """Yield the labels, the run and the status of each point without a completed run."""
    status = _status(data)
    run = data.coords.get(RUN)
    ids = xarray.full_like(status, -1, dtype=np.int64) if run is None else run.broadcast_like(status)
    ids = ids.transpose(*status.dims)
    for place in zip(*np.nonzero((status != RunStatus.COMPLETED).values), strict=True):
        point = status[place]
        # In a list of runs the labels are coordinates along it, told by their keys.
        names = [*point.dims, *(name for name in status.dims if name in point.coords)]
        names += [name for name, label in point.coords.items() if "key" in label.attrs and name not in names]
        labels = {str(name): point.coords[name].item() for name in names if name != RUN}
        yield labels, int(ids.values[place]), str(point.item())


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
    return ", ".join(points[:_SHOWN]) + (f", ... ({len(points)} in all)" if len(points) > _SHOWN else "")
