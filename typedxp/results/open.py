"""Owns the way into results from Python; what reads them is loaded when they are read."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    import pandas as pd
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
            store,
            engine=RunStoreBackend,
            # What xarray knows of a chunk, it has in common with one of any other opening of the same path, and dask
            # would take values of before a retry for those of after it.
            opening=uuid.uuid4().hex if chunks is not None else None,
            # The size of text is not known to dask; ours are good chunks as well.
            chunks={} if isinstance(chunks, str) and chunks == "auto" else chunks,
            drop_variables=drop_variables,
            **asked,
        )
    return opened


def fields(store: str | os.PathLike[str], experiment: str | None = None) -> pd.DataFrame:
    """List what a condition on runs may speak of: a row for each field, called by its name, that some run has.

    The columns are the ``type`` of its values, the number of ``runs`` that have it, the number of different ``values``,
    and some ``examples``. Of metrics these two are not known, since no metric is read. The times are text in ISO 8601.

    Fields are the facts of the runs, such as ``status``, ``start`` or ``code.branch``; what they were given, as
    ``config.optimizer.lr``, where the name of a config group stands for its option; and the last, smallest and largest
    value of a metric, as ``metrics.train.loss.last``. A condition may leave out ``config.`` and ``metrics.``.

    Raises:
        ResultsError: there are no such runs.
    """
    import pandas as pd

    from typedxp.results.runs.listing import list_fields

    listed = list_fields(Path(store).expanduser(), experiment)
    return pd.DataFrame(
        {
            "type": [field.type for field in listed],
            "runs": [field.runs for field in listed],
            "values": pd.array([field.values for field in listed], dtype="Int64"),
            "examples": [", ".join(field.examples) for field in listed],
        },
        index=pd.Index([field.name for field in listed], name="field"),
    )
