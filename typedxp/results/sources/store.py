"""Owns reading our own store: what is in run.json and status.json of every run, the finished ones from the index."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from typedxp.errors import ResultsError, StoreError
from typedxp.results.cache.index import Index
from typedxp.results.problems import warn
from typedxp.results.runs.table import Ints, Table, join
from typedxp.results.runs.tabulate import ARRAYS, tabulate
from typedxp.results.sources.damage import Damage
from typedxp.results.sources.found import Found, FoundStream
from typedxp.results.variables.kept import kept_files
from typedxp.store import verifications
from typedxp.store.directory import RunDirectory
from typedxp.store.files import reason
from typedxp.store.store import Store
from typedxp.store.streams import parse, summarize
from typedxp.vocabulary.records import Code, RunRecord, RunStatus, Status, StreamSummary

# Runs whose records are in memory at once. Of many more, the garbage collector would look at each again and again.
_TOGETHER = 100


def read_store(root: Path, ids: Iterable[int] | None = None) -> Table:
    """Read what is known of the runs of a store, or of those with these ids; warn of damaged ones.

    Raises:
        ResultsError: there is no such store, or no such run.
    """
    store = Store(root)
    try:
        numbers = store.ids() if ids is None else [store.run(number).id for number in sorted(set(ids))]
    except StoreError as error:
        raise ResultsError(str(error)) from error
    stamps = np.fromiter((_stamp(f"{store.root}/{number}/status.json") for number in numbers), np.int64, len(numbers))
    index = Index(store.cache)
    known = index.read(np.array(numbers, np.int64), stamps)
    missing = ~np.isin(numbers, known.ids)
    fresh = _read_runs(store, np.array(numbers, np.int64)[missing], stamps[missing])
    table = join([known, fresh])
    index.write(table, fresh, whole=ids is None)
    return table


def _stamp(path: str) -> int:
    """Return a number that changes whenever a file is replaced; 0 where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - once per run, where a path costs as much as the call
    except OSError:
        return 0
    return (found.st_mtime_ns * 31 + found.st_ino * 1_000_003 + found.st_size) % (2**62) + 1


def _read_runs(store: Store, ids: Ints, stamps: Ints) -> Table:
    damage = Damage(store.path)
    # A part at a time: of what is read, little stays.
    parts = range(0, len(ids), _TOGETHER)
    tables = [_read_part(store, ids[at : at + _TOGETHER], stamps[at : at + _TOGETHER], damage) for at in parts]
    damage.warn()
    return join(tables)


def _read_part(store: Store, ids: Ints, stamps: Ints, damage: Damage) -> Table:
    found, kept = [], []
    for number, stamp in zip(ids.tolist(), stamps.tolist(), strict=True):
        directory = RunDirectory(store.root / str(number))
        try:
            run = _find(directory)
        except StoreError as error:
            # Without a run.json it is no run: somebody is making one, or made something else.
            if (directory.path / "run.json").exists():
                damage.add(str(number), error)
            continue
        found.append(run)
        # What may still change is read anew each time.
        kept.append(stamp if RunStatus(run.facts["status"]).final else 0)
    return tabulate(found, kept)


def _find(directory: RunDirectory) -> Found:
    record, status = directory.read_record(), directory.read_status()
    return Found(
        id=directory.id,
        directory=directory.path.name,
        command=record.sweep,
        facts=_record_facts(record)
        | {f"input.{name}": data.digest for name, data in {**record.inputs, **directory.logged_inputs()}.items()}
        | _status_facts(status)
        | _verified(directory)
        | {ARRAYS: _kept(directory, status)},
        point=record.point,
        choices=record.choices,
        streams=dict(_find_streams(directory, status)),
    )


def _record_facts(record: RunRecord) -> dict[str, Any]:
    return {
        "experiment": record.experiment.name,
        "experiment.file": record.experiment.file,
        "digest": record.digest,
        "created": record.created,
        "cwd": record.cwd,
        "tags": list(record.tags),
        "schema": record.schema,
        "rerun_of": record.rerun_of,
        "labels": {key: _known(vars(label)) for key, label in record.labels.items()},
        "metrics": {
            stream: {name: _known(vars(variable)) for name, variable in variables.items()}
            for stream, variables in record.metrics.items()
        },
        **_code_facts(record.code),
        **{f"environment.{name}": value for name, value in vars(record.environment).items()},
    }


def _code_facts(code: Code | None) -> dict[str, Any]:
    if code is None:
        return {}
    return {
        "code": _name_code(code),
        "code.commit": code.commit,
        "code.branch": code.branch,
        "code.dirty": code.dirty,
        "code.tree": code.tree,
    }


def _name_code(code: Code) -> str | None:
    """Name a version of the code: by its commit, and by what was there beyond that."""
    if code.commit is not None and not code.dirty:
        return code.commit[:8]
    beyond = code.tree[:6] if code.tree is not None else ""
    return f"{code.commit[:8]}+{beyond}" if code.commit is not None else f"+{beyond}" if beyond else None


def _status_facts(status: Status) -> dict[str, Any]:
    usage = status.usage
    return {
        "status": str(status.status),
        "host": status.host,
        "start": status.start,
        "end": status.end,
        "attempt": status.attempt,
        "exit_code": status.exit_code,
        "signal": status.signal,
        "cause": status.cause,
        "error": status.failure.type if status.failure is not None else None,
        "job": status.job,
        "wall": usage.wall if usage is not None else None,
        "user_time": usage.user if usage is not None else None,
        "system_time": usage.system if usage is not None else None,
        "peak_memory": usage.peak_memory if usage is not None else None,
    }


def _verified(directory: RunDirectory) -> dict[str, Any]:
    """Return how the run compared with its repetition, if it was repeated."""
    try:
        verification = verifications.read(directory)
    except StoreError as error:
        warn(str(error))
        return {}
    return {} if verification is None else {"verified": str(verification.outcome)}


def _kept(directory: RunDirectory, status: Status) -> dict[str, Any] | None:
    return {name: asdict(kept) for name, kept in kept_files(directory, status).items()} or None


def _known(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _find_streams(directory: RunDirectory, status: Status) -> Iterator[tuple[str, FoundStream]]:
    """Sum up every stream that has a file; only those that the run itself did not sum up are read."""
    for name in directory.streams():
        file, summary = f"metrics/{name}.jsonl", status.streams.get(name)
        try:
            if summary is None or summary.bytes != os.stat(f"{directory.path}/{file}").st_size:  # noqa: PTH116 - as above
                summary = summarize(directory.stream(name))
                _tell_of_damage(directory.stream(name), summary)
        except OSError as error:
            warn(f"{directory.stream(name)} is left out, it cannot be read: {reason(error)}.")
            continue
        yield name, FoundStream(file, summary)


def _tell_of_damage(path: Path, summary: StreamSummary) -> None:
    """Warn of a stream without a whole record: nobody will read it, and so nobody will tell."""
    if summary.bytes and not summary.records and (damaged := parse(path.read_bytes())[1]):
        warn(
            f"{path} has {damaged} damaged line{'s' if damaged > 1 else ''} and no other, which count as never written."
        )
