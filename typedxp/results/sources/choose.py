"""Owns which source a directory is read by."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typedxp.errors import ResultsError, StoreError
from typedxp.results.problems import ResultsWarning
from typedxp.results.sources.store import read_store
from typedxp.results.table import Table
from typedxp.results.tabulate import CONFIG
from typedxp.store.store import Store


@dataclass(frozen=True)
class Source:
    """A directory of runs, and what is known of them. ``cache`` is None where nothing may be written."""

    root: Path
    cache: Path | None
    table: Table

    def load_config(self, run: int) -> dict[str, Any]:
        """Read the config of a run; it is empty, with a warning, if that is damaged."""
        [place] = (self.table.ids == run).nonzero()[0].tolist()
        known = self.table.fact(CONFIG)[place]
        if isinstance(known, dict):
            return known
        try:
            return Store(self.root).run(run).read_config()
        except StoreError as error:
            message = f"Run {run} has no labels along what it did not sweep: {error}"
            warnings.warn(message, ResultsWarning, stacklevel=2)
            return {}


def recognizes(root: Path) -> bool:
    """Tell whether a directory holds runs that can be read.

    Raises:
        StoreError: it cannot be looked at.
    """
    return next(Store(root).runs(), None) is not None


def open_source(root: Path, ids: Iterable[int] | None = None) -> Source:
    """Find out what made the runs in a directory, and read what is known of them.

    Raises:
        ResultsError: there are no such runs.
    """
    table = read_store(root, ids)
    if not len(table):
        raise ResultsError(_describe_absence(root))
    return Source(root, Store(root).cache, table)


def _describe_absence(path: Path) -> str:
    if (path / "run.json").exists():
        return f"{path} is one run: name the directory of runs that it is in, {path.absolute().parent}."
    return f"{path} holds no runs that can be read. Name a directory of runs, as given by xp.logs=DIR."
