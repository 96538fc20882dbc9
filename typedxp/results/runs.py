"""Owns which runs of a store are read: those of one experiment, and one for each point."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from typedxp.errors import ResultsError, StoreError, nearest
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.store.streams import summarize
from typedxp.vocabulary.records import RunRecord, RunStatus, Status, StreamSummary
from typedxp.vocabulary.tree import ABSENT, get, split


class ResultsWarning(UserWarning):
    """Something of the results cannot be read, or is hidden by something newer; the rest is there."""


@dataclass(frozen=True)
class StoredRun:
    """A run as it was when it was found."""

    directory: RunDirectory
    record: RunRecord
    status: Status

    @cached_property
    def config(self) -> dict[str, Any]:
        """What config.yaml holds, read once; nothing, with a warning, if it is damaged."""
        try:
            return self.directory.read_config()
        except StoreError as error:
            message = f"Run {self.directory.id} has no labels along what it did not sweep: {error}"
            warnings.warn(message, ResultsWarning, stacklevel=2)
            return {}

    def value(self, key: str) -> Any:
        """Return what the run was given at a key, or ABSENT; the value of a config group is the name of its option."""
        for known in (self.record.point, self.record.choices):
            if key in known:
                return known[key]
        return get(self.config, split(key), ABSENT)

    def summaries(self) -> dict[str, StreamSummary]:
        """Sum up every stream of the run that has a file; only those that the run itself did not sum up are read."""
        found = {name: self._summary(name) for name in self.directory.streams()}
        return {name: summary for name, summary in found.items() if summary is not None}

    def _summary(self, name: str) -> StreamSummary | None:
        path = self.directory.stream(name)
        summary = self.status.streams.get(name)
        try:
            if summary is not None and summary.bytes == path.stat().st_size:
                return summary
            return summarize(path)
        except OSError as error:
            warnings.warn(f"{path} is left out, it cannot be read: {error.strerror}.", ResultsWarning, stacklevel=2)
            return None


def find_runs(path: Path, experiment: str | None = None, ids: Iterable[int] | None = None) -> list[StoredRun]:
    """Find the runs of one experiment, or those of them that have these ids, in order of id; warn of damaged ones.

    Raises:
        ResultsError: there are none, one of the ids is not there, or there are several experiments to choose from.
    """
    runs = _read_runs(path, ids)
    counts = Counter(run.record.experiment.name for run in runs)
    if experiment is None and len(counts) > 1:
        raise ResultsError(
            f"{path} holds runs of {len(counts)} experiments: {_listed(counts)}. "
            f"Choose one: open_results(..., experiment={min(counts)!r})."
        )
    if experiment is not None and experiment not in counts:
        raise ResultsError(
            f"{path} holds no run of {experiment!r}. {nearest(experiment, counts)} It holds {_listed(counts)}."
        )
    return [run for run in runs if experiment is None or run.record.experiment.name == experiment]


def choose_run(runs: Iterable[StoredRun]) -> StoredRun:
    """Choose the run that counts among the runs of one point: the newest completed one, or else the newest."""
    return max(runs, key=lambda run: (run.status.status is RunStatus.COMPLETED, run.directory.id))


def warn_of_hidden(groups: Iterable[Sequence[StoredRun]]) -> None:
    """Warn of runs that share a point with a run of another config, since one of them is not shown."""
    mixed = [runs for runs in groups if len({run.record.digest for run in runs}) > 1]
    if mixed:
        ids = ", ".join(str(run.directory.id) for run in mixed[0][:10])
        message = (
            f"Runs that differ in keys that were not swept share {len(mixed)} point{'s' if len(mixed) > 1 else ''} "
            f"(for example runs {ids}): of each point only the newest completed run is shown. "
            f"{_describe_scripts(mixed)}Sweep those keys as well, or keep such runs in stores of their own."
        )
        warnings.warn(message, ResultsWarning, stacklevel=2)


def _describe_scripts(groups: Iterable[Sequence[StoredRun]]) -> str:
    files = {run.record.experiment.file or "a notebook" for runs in groups for run in runs}
    return f"They come from several scripts: {', '.join(sorted(files))}. " if len(files) > 1 else ""


def _read_runs(path: Path, ids: Iterable[int] | None) -> list[StoredRun]:
    found, damaged = [], {}
    store = Store(path)
    try:
        for directory in store.runs() if ids is None else map(store.run, sorted(set(ids))):
            try:
                found.append(StoredRun(directory, directory.read_record(), directory.read_status()))
            except StoreError as error:
                damaged[directory.id] = error
    except StoreError as error:
        raise ResultsError(f"{error} Name a directory of runs, as given by xp.logs=DIR.") from error
    if damaged:
        shown = ", ".join(map(str, list(damaged)[:10])) + (", ..." if len(damaged) > 10 else "")
        message = f"Left out {len(damaged)} damaged runs of {path}: {shown}. {next(iter(damaged.values()))}"
        warnings.warn(message, ResultsWarning, stacklevel=2)
    if not found:
        raise ResultsError(_describe_absence(path))
    return found


def _describe_absence(path: Path) -> str:
    if (path / "run.json").exists():
        return f"{path} is one run: name the directory of runs that it is in, {path.absolute().parent}."
    return f"{path} holds no runs that can be read. Name a directory of runs, as given by xp.logs=DIR."


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count} run{'s' if count > 1 else ''})" for name, count in sorted(counts.items()))
