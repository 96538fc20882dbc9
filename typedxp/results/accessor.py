"""Owns the accessor ``.xp`` of datasets, arrays and trees: to import this module is to register it."""

from __future__ import annotations

import xarray

from typedxp.results.analysis.asking import ArrayAccessor, DatasetAccessor
from typedxp.results.analysis.trees import TreeAccessor

xarray.register_dataarray_accessor("xp")(ArrayAccessor)  # type: ignore[no-untyped-call]
xarray.register_dataset_accessor("xp")(DatasetAccessor)  # type: ignore[no-untyped-call]
xarray.register_datatree_accessor("xp")(TreeAccessor)  # type: ignore[no-untyped-call]
