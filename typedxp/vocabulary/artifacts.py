"""Owns what is written down of an artifact: the words that recording and reading exchange on disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ARTIFACT_FORMAT = 1
"""Version of the record of an artifact."""

# Booleans, integers, floats, complex numbers, times and spans of time, text, bytes, and the text of netCDF.
_DTYPE = re.compile(r"[<>|][biufcMmUSO]\d*(\[\d*[A-Za-z]+\])?")


@dataclass(frozen=True)
class ArrayHeader:
    """What is known of an array without reading its values.

    ``dtype`` is as numpy spells it, for example ``<f4``. ``dims`` are the names of its dimensions, all different, and
    ``shape`` their sizes. ``long_name`` and ``units`` are those of a netCDF variable.

    Raises:
        ValueError: these do not go together.
    """

    dtype: str
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    long_name: str | None = None
    units: str | None = None

    def __post_init__(self) -> None:
        """Check what was read from a file as well as what was given."""
        if not _DTYPE.fullmatch(self.dtype):
            raise ValueError(f"there are no arrays of the type {self.dtype!r}")
        if not all(isinstance(size, int) and size >= 0 for size in self.shape):
            raise ValueError(f"{self.shape} is no shape")
        if not all(isinstance(dim, str) and dim for dim in self.dims) or len(set(self.dims)) != len(self.dims):
            raise ValueError(f"{self.dims} are no names of dimensions, or not all different")
        if len(self.dims) != len(self.shape):
            raise ValueError(f"there are {len(self.dims)} names for {len(self.shape)} dimensions")


@dataclass(frozen=True)
class KeptFile:
    """An artifact that holds arrays: its kind, its file, and the arrays by their names in it.

    The array of a file that holds a single one without a name is called ``""``. ``file`` is relative to the directory
    of the run, with ``/``.
    """

    kind: str
    file: str
    arrays: Mapping[str, ArrayHeader]


@dataclass(frozen=True)
class ArtifactRecord:
    """What is known of one artifact without opening it.

    ``kind`` says how it is loaded. ``size`` is in bytes, of a directory that of all its files together. ``sha256`` is
    in hexadecimal digits; that of a directory is the one of its sorted listing, in the format of ``sha256sum``: a line
    ``<sha256>  ./<path>`` per file. ``saved`` is ISO 8601 in UTC. ``previous`` is set while an artifact is being
    replaced: the bytes are then either those of this record or those of the previous one. ``arrays`` are those in a
    file of numpy or netCDF, as in :class:`KeptFile`.
    """

    format: int = field(default=ARTIFACT_FORMAT, kw_only=True)
    name: str
    kind: str
    size: int
    sha256: str
    saved: str
    previous: ArtifactRecord | None = None
    arrays: Mapping[str, ArrayHeader] = field(default_factory=dict)


def restore_kept(raw: Mapping[str, Any]) -> KeptFile:
    """Make what :func:`dataclasses.asdict` took apart, or JSON holds."""
    return KeptFile(raw["kind"], raw["file"], restore_arrays(raw["arrays"]))


def restore_arrays(raw: Mapping[str, Mapping[str, Any]]) -> dict[str, ArrayHeader]:
    """Make headers again of what JSON holds of them.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: something is missing, or is not what it should be.
    """
    return {
        name: ArrayHeader(
            header["dtype"],
            tuple(header["shape"]),
            tuple(header["dims"]),
            header.get("long_name"),
            header.get("units"),
        )
        for name, header in raw.items()
    }
