"""Owns the runs behind a dataset: a table of them, what differs between them, and the one behind a cell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray

from typedxp.errors import ResultsError, StoreError
from typedxp.results.analysis.checks import Data
from typedxp.results.analysis.choosing import is_step
from typedxp.results.names import RUN
from typedxp.results.runs.recorded import RecordedRun
from typedxp.store.store import Store

_FACTS = ("status", "wall", "peak_memory", "attempt", "code", "cause")


def find_run(data: Data) -> RecordedRun:
    """Return the one run that everything in a selection comes from.

    Raises:
        ResultsError: there is none, or more than one, or nothing tells where the store is.
    """
    run = _runs(data)
    ids = sorted({int(found) for found in np.unique(run) if found >= 0})
    if not ids:
        raise ResultsError("No run is behind this: its points have none.")
    if len(ids) > 1:
        shown = ", ".join(map(str, ids[:10])) + (", ..." if len(ids) > 10 else "")
        example = ", ".join(f"{dim}=..." for dim in run.dims)
        raise ResultsError(f"{len(ids)} runs are behind this: {shown}. Select one, as by .sel({example}).")
    path = _store(data)
    try:
        return RecordedRun(Store(path).run(ids[0]))
    except StoreError as error:
        raise ResultsError(f"The run behind this is not there any more. {error}") from error


def tabulate_runs(data: Data) -> pd.DataFrame:
    """Return a table of the runs that are there, one row each, in order of their ids, which are the index.

    The columns are the status, the keys, and what else is known: wall time in seconds, peak memory in bytes, how often
    it was started, the version of the code, why it did not complete.

    Raises:
        ResultsError: no coordinate tells which runs there are.
    """
    run = _runs(data)
    columns = ["status", *_keys(data), *(fact for fact in _FACTS if fact != "status")]
    known = {name: data.coords[name] for name in columns if name in data.coords}
    table = {
        name: coord.broadcast_like(run).transpose(*run.dims).values.ravel()
        for name, coord in known.items()
        if set(coord.dims) <= set(run.dims)
    }
    frame = pd.DataFrame(table, index=pd.Index(run.values.ravel(), name=RUN))
    frame = frame[frame.index >= 0]
    frame.index = frame.index.astype("int64")
    return frame[~frame.index.duplicated()].sort_index()


def tabulate_keys(data: Data) -> pd.DataFrame:
    """Return a table of the keys that differ between the runs, the ones with most values first.

    Returns:
        One row for each key: ``name`` of its coordinate, how many ``different`` values it has, and the ``values``.
    """
    rows = []
    for name, coord in _keys(data).items():
        values = pd.unique(coord.values.ravel()).tolist()
        if len(values) > 1:
            rows.append({"key": coord.attrs["key"], "name": name, "different": len(values), "values": values})
    frame = pd.DataFrame(rows, columns=["key", "name", "different", "values"])
    return frame.sort_values("different", ascending=False, kind="stable").set_index("key")


def _runs(data: Data) -> xarray.DataArray:
    run: xarray.DataArray | None = data.coords.get(RUN)
    if run is None or run.dtype.kind not in "iuf":
        raise ResultsError(
            "There is no coordinate 'run' to tell which runs this comes from: a reduction or a new array has left it "
            "out. Ask the dataset before that."
        )
    return run


def _keys(data: Data) -> Mapping[str, xarray.DataArray]:
    found = {str(name): coord for name, coord in data.coords.items() if "key" in coord.attrs}
    return {name: coord for name, coord in found.items() if not is_step(data, name)}


def _store(data: Data) -> Path:
    for attrs in (data.attrs, data.coords[RUN].attrs):
        if isinstance(store := attrs.get("store"), str):
            return Path(store)
    raise ResultsError("Nothing tells in which store the run is: ask the dataset that open_results gave, ds.sel(...).")
