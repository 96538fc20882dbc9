"""Owns the way into results from Python; what reads them is loaded when they are read."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    import xarray

_Names = str | Iterable[str]


@overload
def open_results(
    store: str | os.PathLike[str],
    *,
    layout: Literal["tree"],
    experiment: str | None = None,
    runs: Iterable[int] | None = None,
    where: str | None = None,
    dims: _Names | None = None,
    drop: _Names | None = None,
    rename: Mapping[str, str] | None = None,
    duplicates: Literal["newest", "all", "error"] = "newest",
    align: str | None = None,
    drop_variables: _Names | None = None,
    chunks: Any = None,
) -> xarray.DataTree: ...


@overload
def open_results(
    store: str | os.PathLike[str],
    *,
    layout: Literal["grid", "runs"] | None = None,
    experiment: str | None = None,
    runs: Iterable[int] | None = None,
    where: str | None = None,
    dims: _Names | None = None,
    drop: _Names | None = None,
    rename: Mapping[str, str] | None = None,
    duplicates: Literal["newest", "all", "error"] = "newest",
    align: str | None = None,
    drop_variables: _Names | None = None,
    chunks: Any = None,
) -> xarray.Dataset: ...


def open_results(
    store: str | os.PathLike[str],
    *,
    drop_variables: str | Iterable[str] | None = None,
    chunks: Any = None,
    **asked: Any,
) -> xarray.Dataset | xarray.DataTree:
    """Open the runs of one experiment as a dataset whose dimensions are what was swept.

    ``store`` is the directory of the runs; one that MLXP or Hydra made is read as well. Every swept key is a dimension,
    and every key that differs between commands, as ``lr`` does after ``lr=0.1`` and ``lr=0.01``; a key that also
    differs between the runs of one command, as a time does, is none. Every metric is a variable ``<stream>.<metric>``
    with those dimensions and the dimension ``<stream>.step``; arrays that were kept as artifacts are variables, too.
    The coordinates ``run``, ``status``, ``wall`` (seconds), ``peak_memory`` (bytes), ``attempt``, ``code`` and
    ``cause`` tell which run a point comes from and what became of it; a point without a run has the run -1, the status
    ``missing`` and missing values. Where all runs logged the same ``step`` or ``epoch``, its values are those of the
    dimension ``<stream>.step``.

    Values are read from disk when they are used, and only those of the runs and streams that are used.

    - ``experiment``: the name of one, where there are several. ``runs``: the ids of those to open.
    - ``where``: a condition that runs must meet, as in ``"status == 'completed' and config.optimizer.lr < 0.1"``;
      :func:`typedxp.fields` lists what it may speak of.
    - ``dims``: the keys that are dimensions, instead of those that were swept or vary; other facts of runs can be, as
      ``code``. ``drop``: those that are none. ``rename``: other names for them.
    - ``layout``: ``"grid"``, or ``"runs"`` for a list along the dimension ``run``; None chooses the list where too few
      runs fill the grid. ``"tree"`` makes an :class:`xarray.DataTree` with a grid for each option of the groups whose
      options have different keys; what they share is inherited.
    - ``duplicates``: of several runs of one point the ``"newest"`` completed one counts, or the newest if none
      completed; ``"all"`` gives a dimension ``repeat``, ``"error"`` refuses.
    - ``align``: a key, as ``epoch``, by whose values the records of all runs are aligned.
    - ``drop_variables`` and ``chunks`` are those of :func:`xarray.open_dataset`: with ``chunks``, values are read by
      dask; ``{}`` means chunks of neighbouring runs.

    Raises:
        ResultsError: there are no such runs, or runs of several experiments and none of them is asked for by name.
    """
    # The backend is a subclass of one of xarray's classes, so it can only be loaded together with xarray.
    import xarray

    from typedxp.results.backend import RunStoreBackend

    opener: Any = xarray.open_datatree if asked.get("layout") == "tree" else xarray.open_dataset
    with warnings.catch_warnings():
        # Any chunks of runs are read equally well.
        warnings.filterwarnings("ignore", message="The specified chunks separate the stored chunks")
        opened: xarray.Dataset | xarray.DataTree = opener(
            store, engine=RunStoreBackend, chunks=chunks, drop_variables=drop_variables, **asked
        )
    return opened
