"""Owns what can be asked of a tree of results: what its datasets can be asked, node by node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import xarray

from typedxp.errors import ResultsError, nearest
from typedxp.results.analysis import runs
from typedxp.results.analysis.asking import DatasetAccessor, Interval, Method, Over
from typedxp.results.analysis.checks import as_names
from typedxp.results.analysis.choosing import Mode
from typedxp.results.analysis.tables import Table
from typedxp.results.runs.recorded import RecordedRun


class TreeAccessor:
    """The accessor of a tree: what a dataset can be asked, asked of each node that has data."""

    def __init__(self, tree: xarray.DataTree) -> None:
        self._tree = tree

    def last(self, dim: str | None = None) -> xarray.DataTree:
        """Take the last value that each run logged; see :meth:`DatasetAccessor.last`."""
        return self._map(lambda node: node.last(dim), dim or ())

    def at(self, step: Any, dim: str | None = None, method: Method | None = None) -> xarray.DataTree:
        """Take the values at a step; see :meth:`DatasetAccessor.at`."""
        return self._map(lambda node: node.at(step, dim, method), dim or ())

    def best(self, mode: Mode, of: str | None = None, by: Over | None = None) -> xarray.DataTree:
        """Take everything where a variable is best; see :meth:`DatasetAccessor.best`."""
        return self._map(lambda node: node.best(mode, of, by), by or ())

    def mean(self, over: Over, *, complete: bool = False) -> xarray.DataTree:
        """Average over some dimensions; see :meth:`DatasetAccessor.mean`."""
        return self._map(lambda node: node.mean(over, complete=complete), over)

    def std(self, over: Over, *, complete: bool = False) -> xarray.DataTree:
        """Return the standard deviation of a sample; see :meth:`DatasetAccessor.std`."""
        return self._map(lambda node: node.std(over, complete=complete), over)

    def sem(self, over: Over, *, complete: bool = False) -> xarray.DataTree:
        """Return the standard error of the mean; see :meth:`DatasetAccessor.sem`."""
        return self._map(lambda node: node.sem(over, complete=complete), over)

    def ci(self, over: Over, kind: Interval = "t", level: float = 0.95, **options: Any) -> xarray.DataTree:
        """Return an interval round the mean; see :meth:`DatasetAccessor.ci`."""
        return self._map(lambda node: node.ci(over, kind, level, **options), over)

    def coverage(self, over: Over) -> xarray.DataTree:
        """Count for each cell of a reduction what is there; see :meth:`DatasetAccessor.coverage`."""
        return self._map(lambda node: node.coverage(over), over)

    def compare(self, along: str, over: Over, of: str | None = None, **options: Any) -> pd.DataFrame:
        """Compare every two labels along a dimension within each node; see :meth:`DatasetAccessor.compare`.

        The p-values are corrected for the comparisons within a node.
        """
        dims = (along, *as_names(over))
        self._check(dims)
        return self._collect(lambda node: node.compare(along, over, of, **options), dims)

    def table(
        self, rows: Over, columns: Over = (), value: str | None = None, over: Over = (), **options: Any
    ) -> dict[str, Table]:
        """Make a table for each node that has the variable, by the path of the node; see :meth:`DatasetAccessor.table`.

        Raises:
            ResultsError: no node has the variable.
        """
        nodes = dict(self._nodes())
        known = {str(name) for node in nodes.values() for name in node.data_vars}
        if value is not None and value not in known:
            raise ResultsError(f"No node has the variable {value!r}. {nearest(value, known)}")
        dims = {*as_names(rows), *as_names(columns), *as_names(over)}
        self._check(dims)
        return {
            path: DatasetAccessor(node).table(rows, columns, value, over, **options)
            for path, node in nodes.items()
            if (value is None or value in node.data_vars) and dims <= {*node.dims, *node.coords}
        }

    def diff(self) -> pd.DataFrame:
        """Return a table of the keys that vary within each node; see :meth:`DatasetAccessor.diff`."""
        return self._collect(lambda node: node.diff())

    @property
    def runs(self) -> pd.DataFrame:
        """A table of the runs of all nodes; see :attr:`DatasetAccessor.runs`."""
        return self._collect(lambda node: node.runs)

    @property
    def run(self) -> RecordedRun:
        """The one run behind a selection; see :attr:`DatasetAccessor.run`."""
        tables = {path: runs.tabulate_runs(node) for path, node in self._nodes()}
        found = {path: table for path, table in tables.items() if len(table)}
        if len(found) != 1:
            shown = ", ".join(f"{path} ({len(table)})" for path, table in found.items()) or "none has any"
            raise ResultsError(f"One run is wanted. These nodes have runs: {shown}. Select a node and a point of it.")
        return runs.find_run(dict(self._nodes())[next(iter(found))])

    def _map(self, function: Callable[[DatasetAccessor], xarray.Dataset], over: Over) -> xarray.DataTree:
        """Apply a function to each node that has the dimensions; the others stay as they are."""
        self._check(over)
        dims = set(as_names(over))

        def apply(node: xarray.Dataset) -> xarray.Dataset:
            if not node.data_vars:
                # It holds what its children share: their results bring along what is left of that.
                return node.drop_dims([dim for dim in dims if dim in node.dims])
            return function(DatasetAccessor(node)) if dims <= set(node.dims) else node

        mapped: xarray.DataTree = self._tree.map_over_datasets(apply)
        return mapped

    def _collect(self, function: Callable[[DatasetAccessor], pd.DataFrame], over: Over = ()) -> pd.DataFrame:
        """Put the tables of the nodes that have the dimensions below each other."""
        dims = as_names(over)
        nodes = [(path, node) for path, node in self._nodes() if set(dims) <= set(node.dims)]
        if not nodes:
            raise ResultsError(f"No node has {' and '.join(dims) or 'any variable'}.")
        return pd.concat({path: function(DatasetAccessor(node)) for path, node in nodes}, names=["node"])

    def _check(self, over: Over) -> None:
        known = {str(dim) for _, node in self._nodes() for dim in node.dims}
        for name in as_names(over):
            if name not in known:
                raise ResultsError(f"No node has the dimension {name!r}. {nearest(name, known)}")

    def _nodes(self) -> Iterator[tuple[str, xarray.Dataset]]:
        for node in self._tree.subtree:
            if node.data_vars:
                yield node.path, node.to_dataset().assign_attrs({**self._tree.attrs, **node.attrs})
