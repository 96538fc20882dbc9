"""Owns the comparison of the artifacts of two runs: by their bytes, and where these differ by the values in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from typedxp.artifacts.digest import digest
from typedxp.artifacts.directory import Artifacts
from typedxp.errors import ResultsError
from typedxp.results.sameness.arrays import compare_loaded
from typedxp.results.sameness.found import Found, Tolerance
from typedxp.results.sameness.streams import Ignored
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.verification import MISSING, Part

_KINDS = {
    ".npy": "npy",
    ".npz": "npz",
    ".nc": "dataset",
    ".json": "json",
    ".csv": "csv",
    ".parquet": "parquet",
    ".png": "pixels",
    ".safetensors": "safetensors_arrays",
}
"""As what files are compared that were kept as files, by their suffix."""

_BY_VALUE = frozenset({*_KINDS.values(), "dataarray", "safetensors", "torch", "image"})


def compare_artifacts(
    recorded: RunDirectory, repeated: RunDirectory, tolerance: Tolerance, ignored: Ignored
) -> Iterator[Part]:
    """Compare all artifacts of two runs.

    Raises:
        ResultsError: an artifact cannot be read.
        OSError: likewise.
    """
    first, second = (Artifacts(run.path / "artifacts") for run in (recorded, repeated))
    names, others = set(first.names()), set(second.names())
    for name in sorted(names | others):
        if ignored(name):
            continue
        found = Found(tolerance)
        if name in names and name in others:
            _compare(name, first, second, found)
        else:
            found.differ("", *("there" if name in side else MISSING for side in (names, others)))
        yield found.part("artifact", name)


def _compare(name: str, first: Artifacts, second: Artifacts, found: Found) -> None:
    paths = first.path(name), second.path(name)
    if all(path.is_dir() for path in paths):
        _compare_directories(*paths, found)
        return
    summed = [digest(path) for path in paths]
    if summed[0].sha256 == summed[1].sha256:
        return
    found.not_identical()
    kind = _kind(first, name)
    values = _load(name, kind, first, second) if kind is not None and kind == _kind(second, name) else None
    if values is None:
        found.differ("", *(f"{part.size} bytes, sha256 {part.sha256[:16]}" for part in summed))
    else:
        compare_loaded("", values[0], values[1], found)


def _kind(artifacts: Artifacts, name: str) -> str | None:
    """Return as what an artifact is loaded for comparing its values; None if only its bytes can be compared."""
    kind = artifacts.record(name).kind
    if kind in ("file", "figure"):
        kind = _KINDS.get(PurePosixPath(name).suffix.lower(), kind)
    # Whatever would run code, as pickles do, is not among them.
    return kind if kind in _BY_VALUE else None


def _load(name: str, kind: str, *sides: Artifacts) -> list[Any] | None:
    try:
        return [side.load(name, kind=kind) for side in sides]
    except ResultsError:
        # Not what its suffix says, or the library that reads it is not there: the bytes differ all the same.
        return None


def _compare_directories(recorded: Path, repeated: Path, found: Found) -> None:
    files = {path.relative_to(side) for side in (recorded, repeated) for path in side.rglob("*") if not path.is_dir()}
    for file in sorted(files):
        shown = [
            f"sha256 {digest(side / file).sha256[:16]}" if (side / file).exists() else MISSING
            for side in (recorded, repeated)
        ]
        if shown[0] != shown[1]:
            found.differ(file.as_posix(), *shown)
