"""Owns which source a directory is read by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typedxp.errors import ResultsError, StoreError
from typedxp.results.cache.configs import Configs
from typedxp.results.problems import warn
from typedxp.results.runs.history import SCHEMA, History
from typedxp.results.runs.table import Table
from typedxp.results.runs.tabulate import CHOICE, CONFIG, tabulate
from typedxp.results.sources import hydra, mlxp
from typedxp.results.sources.store import read_store
from typedxp.store.store import Store
from typedxp.vocabulary.documented import DocumentedSchema
from typedxp.vocabulary.tree import ABSENT

_OTHERS = (mlxp, hydra)
"""Which read the directories of other tools."""


@dataclass(frozen=True)
class Source:
    """A directory of runs, and what is known of them. ``cache`` is None where nothing may be written."""

    root: Path
    cache: Path | None
    table: Table
    history: History
    configs: Configs | None = None
    """Those that were read before, of a store of our own."""

    def load_config(self, run: int) -> dict[str, Any]:
        """Read the config of a run as the newest schema has it; it is empty, with a warning, if it is damaged."""
        [place] = (self.table.ids == run).nonzero()[0].tolist()
        known = self.table.fact(CONFIG)[place]
        if isinstance(known, dict):
            return known
        schema = self.table.fact(SCHEMA)[place]
        kept = self.configs.get(run) if self.configs is not None else None
        config = self._read_config(run) if kept is None else kept
        return self.history.renew_config(config, schema if schema is not ABSENT else None, self._choices(place))

    def _choices(self, place: int) -> dict[str, Any]:
        choices = {
            name.removeprefix(CHOICE): fact for name, fact in self.table.facts.items() if name.startswith(CHOICE)
        }
        return {name: fact[place] for name, fact in choices.items()}

    def _read_config(self, run: int) -> dict[str, Any]:
        try:
            config = Store(self.root).run(run).read_config()
        except StoreError as error:
            warn(f"Run {run} has no labels along what it did not sweep: {error}")
            return {}
        if self.configs is not None:
            self.configs.keep(run, config)
        return config


def recognizes(root: Path) -> bool:
    """Tell whether a directory holds runs that can be read.

    Raises:
        StoreError: it cannot be looked at.
    """
    return root.is_dir() and (_is_store(root) or any(other.recognizes(root) for other in _OTHERS))


def _is_store(root: Path) -> bool:
    return root.is_dir() and next(Store(root).runs(), None) is not None


def open_source(root: Path, ids: Iterable[int] | None = None) -> Source:
    """Find out what made the runs in a directory, and read what is known of them.

    Raises:
        ResultsError: there are no such runs.
    """
    if "\0" in str(root):
        raise ResultsError(f"{str(root)!r} cannot be the name of a directory.")
    other = None if _is_store(root) else next((other for other in _OTHERS if other.recognizes(root)), None)
    if other is None:
        return _make(root, Store(root).cache, read_store(root, ids))
    found = sorted(other.find(root, None if ids is None else set(ids)), key=lambda run: run.id)
    # Nothing is written into the directories of others: what is known of them is read each time.
    return _make(root, None, tabulate(found, [0] * len(found)))


def _make(root: Path, cache: Path | None, table: Table) -> Source:
    if not len(table):
        raise ResultsError(_describe_absence(root))
    history = History(table, dict(_read_documents(root, table)))
    stamps = dict(zip(table.ids.tolist(), table.stamps.tolist(), strict=True))
    return Source(root, cache, history.renew(table), history, Configs(cache, stamps) if cache is not None else None)


def _read_documents(root: Path, table: Table) -> Iterator[tuple[str, DocumentedSchema]]:
    for digest in table.fact(SCHEMA).used:
        try:
            yield digest, Store(root).read_document(digest)
        except StoreError as error:
            message = f"What the fields of some runs mean is not known: {error}"
            warn(message)


def _describe_absence(path: Path) -> str:
    if (path / "run.json").exists():
        return f"{path} is one run: name the directory of runs that it is in, {path.absolute().parent}."
    return f"{path} holds no runs that can be read. Name a directory of runs, as given by xp.logs=DIR."
