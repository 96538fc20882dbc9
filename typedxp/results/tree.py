"""Owns the tree of a dataset for each variant: each with the keys that it has, and what all have above them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import xarray

from typedxp.results.dataset import Shown, build_dataset, describe_shown
from typedxp.results.dimensions import Axis, number_points
from typedxp.results.table import Ints
from typedxp.results.tabulate import CHOICE


def build_tree(shown: Shown) -> xarray.DataTree:
    """Make a tree with a node for each combination of options of the groups.

    The node of ``optimizer=sgd`` is called ``sgd``; below it is one for each option of the next group. Keys that all
    variants have keep the same labels in all of them, and are inherited.
    """
    options = {name.removeprefix(CHOICE) for name in shown.table.facts if name.startswith(CHOICE)}
    groups = [axis for axis in shown.axes if axis.key in options or _differs_below(axis, shown.axes)]
    if not groups:
        return xarray.DataTree(build_dataset(shown))
    others = [axis for axis in shown.axes if axis not in groups]
    parts = list(_split(groups, len(shown.table)))
    shared = {axis.key for axis in others if all(_has_values(axis, runs) for _, runs in parts)}
    nodes = {}
    for path, runs in parts:
        own = [axis.take(runs) for axis in others if _has_values(axis, runs)]
        axes = tuple(axis if axis.key in shared else axis.compact() for axis in own)
        nodes[path] = build_dataset(replace(shown.take(runs), axes=axes))
    above = _inherited(list(nodes.values()), shared)
    return xarray.DataTree.from_dict({"/": above.assign_attrs(describe_shown(shown)), **nodes})


def _differs_below(axis: Axis, axes: Sequence[Axis]) -> bool:
    """Tell whether there is a key below this one that only some of its options have."""
    below = [other for other in axes if other.key.startswith(f"{axis.key}.")]
    options = [np.flatnonzero(axis.places == place) for place in range(len(axis.values))]
    return any(not all(_has_values(other, runs) for runs in options) for other in below)


def _has_values(axis: Axis, runs: Ints) -> bool:
    return any(axis.values[place] is not None for place in np.unique(axis.places[runs]).tolist())


def _split(groups: Sequence[Axis], runs: int) -> Iterator[tuple[str, Ints]]:
    """Yield the runs of each combination of options, with the path of its node."""
    numbers = number_points(groups, runs)
    _, first = np.unique(numbers, return_index=True)
    for run in np.sort(first).tolist():
        names = [str(axis.values[axis.places[run]]).replace("/", "_") for axis in groups]
        yield "/".join(names), np.flatnonzero(numbers == numbers[run])


def _inherited(nodes: Sequence[xarray.Dataset], shared: set[str]) -> xarray.Dataset:
    """Return the coordinates of the keys that all nodes have, under the same name."""
    first = nodes[0]
    names = [name for name in first.dims if name in first.indexes and first[name].attrs.get("key") in shared]
    same = [name for name in names if all(name in node.dims and first[name].identical(node[name]) for node in nodes)]
    return xarray.Dataset(coords={name: first[name].reset_coords(drop=True) for name in same})
