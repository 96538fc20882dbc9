"""Owns how xarray opens a store: ``xarray.open_dataset("logs", engine="typedxp")``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import xarray
from xarray.backends import BackendEntrypoint

import typedxp.results.accessor  # noqa: F401 - what is opened has `.xp`
from typedxp.errors import StoreError
from typedxp.results.layout.dataset import build_dataset, choose_shown
from typedxp.results.layout.tree import build_tree
from typedxp.results.request import Request, make_request
from typedxp.results.sources.choose import open_source, recognizes


class RunStoreBackend(BackendEntrypoint):
    """Open a directory of runs as a dataset whose dimensions are what was swept."""

    description: ClassVar[str] = "Open a directory of typedxp runs; metrics are read when they are used"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = ("filename_or_obj", "drop_variables", *Request.names())
    supports_groups: ClassVar[bool] = True

    def open_dataset(  # type: ignore[override]  # xarray's own backends add keywords in the same way
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        **asked: Any,
    ) -> xarray.Dataset:
        """Open the runs of one experiment; see :func:`typedxp.open_results`.

        Raises:
            ResultsError: there are no such runs, or what is asked for cannot be.
        """
        return _drop(build_dataset(_shown(filename_or_obj, asked)), drop_variables)

    def open_datatree(  # type: ignore[override]
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        **asked: Any,
    ) -> xarray.DataTree:
        """Open the runs of one experiment as a tree with a node for each variant of its config.

        Raises:
            ResultsError: there are no such runs, or what is asked for cannot be.
        """
        tree = build_tree(_shown(filename_or_obj, asked))
        return tree.map_over_datasets(lambda node: _drop(node, drop_variables))

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell whether this is a directory that holds runs."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        try:
            return recognizes(Path(filename_or_obj).expanduser())
        except (StoreError, OSError, ValueError, RuntimeError):
            return False


def _shown(path: str | os.PathLike[str], asked: Mapping[str, Any]) -> Any:
    request = make_request(asked)
    # Absolute, since the values may be read in another directory, or by another process.
    return choose_shown(open_source(Path(path).expanduser().absolute(), request.runs), request)


def _drop(dataset: xarray.Dataset, names: str | Iterable[str] | None) -> xarray.Dataset:
    return dataset.drop_vars({names} if isinstance(names, str) else set(names or ()), errors="ignore")
