"""Owns the way into results from Python; what reads them is loaded when they are read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray


def open_results(
    store: str | os.PathLike[str],
    *,
    experiment: str | None = None,
    runs: Iterable[int] | None = None,
    drop_variables: str | Iterable[str] | None = None,
    chunks: Any = None,
) -> xarray.Dataset:
    """Open the runs of one experiment as a dataset whose dimensions are what was swept.

    Every swept key is a dimension, and every key that differs between commands, as ``lr`` does after ``lr=0.1`` and
    ``lr=0.01``; a key that also differs between the runs of one command, as a time does, is none. Every metric is a
    variable ``<stream>.<metric>`` with those dimensions and the dimension ``<stream>.step``. The coordinates ``run``
    and ``status`` tell which run a point comes from; a point without a run has the run -1, the status ``missing`` and
    missing values. Of several runs of one point the newest completed one counts, or the newest if none completed. Too
    few runs for the product of the dimensions are a list along the dimension ``run`` instead.

    ``runs`` are the ids of those to open, None meaning all. Values are read from disk when they are used, and only
    those of the runs and streams that are used; with ``chunks``, as in :func:`xarray.open_dataset`, by dask: ``{}``
    means one chunk per run.

    Raises:
        ResultsError: there are no such runs, or runs of several experiments and none of them is asked for by name.
    """
    # The backend is a subclass of one of xarray's classes, so it can only be loaded together with xarray.
    import xarray

    from typedxp.results.backend import RunStoreBackend

    return xarray.open_dataset(
        store,
        engine=RunStoreBackend,
        chunks=chunks,
        drop_variables=drop_variables,
        experiment=experiment,
        runs=runs,
    )
