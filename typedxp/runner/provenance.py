"""Owns everything that is known of one run: what was planned, what it ran, where, on what data, what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from typedxp.artifacts.directory import Artifacts
from typedxp.errors import StoreError, TypedxpError
from typedxp.store import verifications
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.artifacts import ArtifactRecord
from typedxp.vocabulary.environment import EnvironmentDocument
from typedxp.vocabulary.inputs import InputRecord
from typedxp.vocabulary.records import RunRecord, Status
from typedxp.vocabulary.verification import Verification


@dataclass(frozen=True)
class Provenance:
    """A run and all that made it. ``environment`` is that of where it ran; None if nothing, or no more, is known.

    ``inputs`` are all data that it read: what its config names, and what it logged.
    """

    run: RunRecord
    status: Status
    config: dict[str, Any]
    inputs: dict[str, InputRecord]
    environment: EnvironmentDocument | None
    verification: Verification | None
    artifacts: tuple[ArtifactRecord, ...]


def read_provenance(store: Store, directory: RunDirectory) -> Provenance:
    """Read everything that is known of a run; of what several runs share, what is still there.

    Raises:
        StoreError: a file of the run is damaged.
    """
    record, status = directory.read_record(), directory.read_status()
    return Provenance(
        record,
        status,
        directory.read_config(),
        {**record.inputs, **directory.logged_inputs()},
        _environment(store, status.environment or record.environment.document),
        _verification(directory),
        tuple(_artifacts(directory)),
    )


def _environment(store: Store, digest: str | None) -> EnvironmentDocument | None:
    with suppress(StoreError):
        return store.read_environment(digest) if digest is not None else None
    return None


def _verification(directory: RunDirectory) -> Verification | None:
    with suppress(StoreError):
        return verifications.read(directory)
    return None


def _artifacts(directory: RunDirectory) -> Iterator[ArtifactRecord]:
    kept = Artifacts(directory.path / "artifacts")
    for name in kept.names():
        with suppress(TypedxpError):
            yield kept.record(name)
