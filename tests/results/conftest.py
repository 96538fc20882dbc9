"""Stores made as runs make them: planned through the store, recorded by a real Run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from typedxp.stages.record import Run
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.documented import DocumentedSchema
from typedxp.vocabulary.records import Code, Environment, ExperimentRef, Label, RunRecord, RunStatus, Status

ENVIRONMENT = Environment("host", "user", "Linux", "3.13", "/usr/bin/python", "0.1.0")


class StoreBuilder:
    """Makes runs in a store at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(
        self,
        point: Mapping[str, Any],
        streams: Mapping[str, Sequence[Mapping[str, Any]]] | Sequence[Mapping[str, Any]] = (),
        status: RunStatus = RunStatus.COMPLETED,
        *,
        config: Mapping[str, Any] | None = None,
        choices: Mapping[str, str | None] | None = None,
        labels: Mapping[str, Label] | None = None,
        experiment: str = "train",
        digest: str = "same",
        sweep: str = "a",
        file: str | None = "/home/user/train.py",
        schema: str | None = None,
        code: Code | None = None,
    ) -> RunDirectory:
        """Make one run; a killed one (status ``running``) has records but no summary of them."""
        [directory] = Store(self.path).allocate(1)
        record = RunRecord(
            id=directory.id,
            sweep=sweep,
            experiment=ExperimentRef(experiment, None, file, "train"),
            digest=digest,
            point=point,
            choices=choices or {},
            members={},
            secrets=(),
            labels=labels or {},
            overrides=(),
            command=("train.py",),
            cwd="/home/user",
            created="2026-11-20T12:00:00Z",
            environment=ENVIRONMENT,
            schema=schema,
            code=code,
        )
        directory.write_plan(record, config if config is not None else {})
        run = Run(directory.path, None)
        for name, records in (streams if isinstance(streams, Mapping) else {"train": streams}).items():
            for values in records:
                run.log_metrics(values, name)
        summaries = run.close()
        directory.write_status(Status(status, streams=summaries if status.final else {}))
        return directory

    def document(self, schema: DocumentedSchema) -> str:
        """Keep a schema, and return the digest that names it."""
        self.path.mkdir(exist_ok=True)
        return Store(self.path).write_document(schema)


@pytest.fixture
def store(tmp_path):
    return StoreBuilder(tmp_path / "logs")


@pytest.fixture
def grid(store):
    """Two learning rates by three seeds; the loss of a run is 100 * lr + seed at its first step, then 1 less."""
    for lr in (0.1, 0.01):
        for seed in (0, 1, 2):
            loss = 100 * lr + seed
            store.add({"optimizer.lr": lr, "seed": seed}, [{"epoch": 0, "loss": loss}, {"epoch": 1, "loss": loss - 1}])
    return store
