"""Owns the list of the artifacts that hold arrays: what the end of a run, and its readers, know of them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from typedxp.artifacts.directory import Artifacts
from typedxp.errors import TypedxpError
from typedxp.vocabulary.artifacts import KeptFile


def list_arrays(directory: Path) -> dict[str, KeptFile]:
    """List the artifacts of the run in ``directory`` that hold arrays, by name; what cannot be read is left out."""
    artifacts = Artifacts(directory / "artifacts")
    found: dict[str, KeptFile] = {}
    with suppress(TypedxpError):
        for name in artifacts.names():
            with suppress(TypedxpError, OSError):
                record = artifacts.record(name)
                if record.arrays:
                    found[name] = KeptFile(record.kind, f"artifacts/{name}", record.arrays)
    return found
