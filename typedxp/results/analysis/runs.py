"""Owns the runs behind a dataset: a table of them, what differs between them, and the one behind a cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray

from typedxp.artifacts.directory import Artifacts
from typedxp.errors import RecordError, ResultsError, StoreError, nearest
from typedxp.results.analysis.checks import Data
from typedxp.results.analysis.choosing import is_step
from typedxp.results.names import RUN
from typedxp.store.directory import RunDirectory
from typedxp.store.files import reason
from typedxp.store.store import Store
from typedxp.store.streams import NUMBERS, parse
from typedxp.vocabulary.records import RunRecord, Status

_FACTS = ("status", "wall", "peak_memory", "attempt", "code", "cause")


@dataclass(frozen=True)
class RunHandle:
    """One run: what it was given, what it left. Everything is read when it is asked for."""

    directory: RunDirectory

    def __repr__(self) -> str:
        return f"<Run {self.id} in {self.path.parent}>"

    @property
    def id(self) -> int:
        """The number of the run in its store."""
        return self.directory.id

    @property
    def path(self) -> Path:
        """The directory of the run."""
        return self.directory.path

    @cached_property
    def config(self) -> dict[str, Any]:
        """The config that the function received, as plain values.

        Raises:
            StoreError: it cannot be read.
        """
        return self.directory.read_config()

    @cached_property
    def record(self) -> RunRecord:
        """What was planned: the experiment, the point of the sweep, the code, the environment, the command.

        Raises:
            StoreError: it cannot be read.
        """
        return self.directory.read_record()

    @property
    def status(self) -> Status:
        """Where the run stands now.

        Raises:
            StoreError: it cannot be read.
        """
        return self.directory.read_status()

    @property
    def stdout(self) -> str:
        """What the run printed, nothing if that was not kept."""
        return _read_text(self.directory.stdout)

    @property
    def stderr(self) -> str:
        """What the run printed as errors, tracebacks included; nothing if that was not kept."""
        return _read_text(self.directory.stderr)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of the streams that the run logged."""
        return self.directory.streams()

    @property
    def artifacts(self) -> tuple[str, ...]:
        """The names of the artifacts of the run."""
        return self._artifacts.names()

    def load_artifact(self, name: str, *, trust: bool = False) -> Any:
        """Load an artifact; ``trust`` is needed for a pickle, which may run any program.

        Raises:
            ResultsError: it is not there, is damaged, or needs ``trust``.
        """
        return self._artifacts.load(name, trust=trust)

    def metrics(self, stream: str | None = None) -> pd.DataFrame:
        """Return the records of a stream, one row each; ``stream`` may be left out if there is only one.

        Raises:
            ResultsError: there is no such stream, several to choose from, or it cannot be read.
        """
        known = self.streams
        if stream is None and len(known) == 1:
            [stream] = known
        if stream is None:
            raise ResultsError(f"Say which stream of run {self.id} is meant: {', '.join(known) or 'there is none'}.")
        if stream not in known:
            raise ResultsError(f"Run {self.id} has no stream {stream!r}. {nearest(stream, known)}")
        try:
            records, _ = parse(self.directory.stream(stream).read_bytes())
        except (OSError, RecordError) as error:
            raise ResultsError(f"The stream {stream!r} of run {self.id} cannot be read: {error}") from error
        return pd.DataFrame([{key: _plain(value) for key, value in record.items()} for record in records])

    @property
    def _artifacts(self) -> Artifacts:
        return Artifacts(self.path / "artifacts")


def find_run(data: Data) -> RunHandle:
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
        return RunHandle(Store(path).run(ids[0]))
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


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {reason(error)}.") from error


def _plain(value: Any) -> Any:
    return NUMBERS.get(value, value) if isinstance(value, str) else value
