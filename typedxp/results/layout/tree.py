"""Owns the tree of a dataset for each variant: each with the keys that it has, and what all have above them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray

from typedxp.results.layout.dataset import Shown, build_dataset, describe_shown
from typedxp.results.layout.dimensions import Axis, number_points
from typedxp.results.names import unused
from typedxp.results.runs.table import Ints
from typedxp.results.runs.tabulate import CHOICE


def build_tree(shown: Shown) -> xarray.DataTree:
    """Make a tree with a node for each combination of options of the groups.

    The node of ``optimizer=sgd`` is called ``sgd``; below it is one for each option of the next group. Keys that all
    variants have keep the same labels in all of them, and are inherited.
    """
    options = {name.removeprefix(CHOICE) for name in shown.table.facts if name.startswith(CHOICE)}
    groups = [axis for axis in shown.axes if axis.key in options or _differs_below(axis, shown.axes)]
    if not groups:
        return xarray.DataTree(_without_slashes(build_dataset(shown)))
    others = [axis for axis in shown.axes if axis not in groups]
    parts = list(_split(groups, len(shown.table)))
    shared = {axis.key for axis in others if all(_has_values(axis, runs) for _, runs in parts)}
    align = shown.request.align
    able = [any(align in files.columns for files in shown.take(runs).streams.values()) for _, runs in parts]
    nodes = {}
    for (path, runs), aligned in zip(parts, able, strict=True):
        own = [axis.take(runs) for axis in others if _has_values(axis, runs)]
        axes = tuple(axis if axis.key in shared else axis.compact() for axis in own)
        # A variant without the key is shown as it is, unless none has it.
        request = replace(shown.request, align=align if aligned or not any(able) else None)
        nodes[path] = _without_slashes(build_dataset(replace(shown.take(runs), axes=axes, request=request)))
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
    options = [_node_names(axis.values) for axis in groups]
    for run in np.sort(first).tolist():
        path = "/".join(names[axis.places[run]] for names, axis in zip(options, groups, strict=True))
        yield path, np.flatnonzero(numbers == numbers[run])


def _node_names(values: Sequence[Any]) -> list[str]:
    """Name a node for each option: all differ, and none is a path."""
    names: list[str] = []
    for value in values:
        name = str(value).replace("/", "_")
        names.append(unused(name if name.strip(".") else f"{name}_", names))
    return names


def _without_slashes(dataset: xarray.Dataset) -> xarray.Dataset:
    """Give dots to names that have slashes, which trees take for paths."""
    names: dict[str, str] = {}
    for name in map(str, dataset.variables):
        if "/" in name:
            names[name] = unused(name.replace("/", "."), {*map(str, dataset.variables), *names.values()})
    return dataset.rename(names)


def _inherited(nodes: Sequence[xarray.Dataset], shared: set[str]) -> xarray.Dataset:
    """Return the coordinates of the keys that all nodes have, under the same name."""
    first = nodes[0]
    names = [name for name in first.dims if name in first.indexes and first[name].attrs.get("key") in shared]
    same = [name for name in names if all(name in node.dims and first[name].identical(node[name]) for node in nodes)]
    return xarray.Dataset(coords={name: first[name].reset_coords(drop=True) for name in same})
