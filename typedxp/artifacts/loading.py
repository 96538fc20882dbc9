"""Owns loading a file as what it was recorded to be, and what is said where that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typedxp.artifacts.kinds.choose import find
from typedxp.artifacts.kinds.kind import Kind
from typedxp.errors import ResultsError, TypedxpError
from typedxp.vocabulary.artifacts import ArtifactRecord


def load(record: ArtifactRecord, path: Path, *, trust: bool) -> Any:
    """Load an artifact as the kind that its record names; its path, if nobody here knows that kind.

    Raises:
        ResultsError: it cannot be loaded, or needs ``trust``.
    """
    loader = _loader(record, trust=trust)
    if loader is None:
        return path
    try:
        return loader.load(path)
    except ResultsError:
        raise
    except ModuleNotFoundError as error:
        raise ResultsError(
            f"{record.name!r} needs the package {error.name}: install it. The file is {path}."
        ) from error
    except Exception as error:
        raise ResultsError(
            f"The artifact {record.name!r} cannot be loaded as {record.kind}: {type(error).__name__}: {error}. "
            f"The file is {path}."
        ) from error


def _loader(record: ArtifactRecord, *, trust: bool) -> Kind | None:
    """Return the kind that loads an artifact, or None if nobody here knows it."""
    try:
        kind = find(record.kind)
    except TypedxpError as error:
        raise ResultsError(f"The artifact {record.name!r} cannot be loaded. {error}") from error
    if kind is not None and kind.unsafe and not trust:
        raise ResultsError(
            f"The artifact {record.name!r} is a {kind.name}: loading it runs whatever program its writer put into it. "
            "If you trust everybody who could write this file as you trust your own code, say so: trust=True."
        )
    return kind
