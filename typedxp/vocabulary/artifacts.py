"""Owns what is written down of an artifact: the word that recording and reading exchange on disk."""

from __future__ import annotations

from dataclasses import dataclass, field

ARTIFACT_FORMAT = 1
"""Version of the record of an artifact."""


@dataclass(frozen=True)
class ArtifactRecord:
    """What is known of one artifact without opening it.

    ``kind`` says how it is loaded. ``size`` is in bytes, of a directory that of all its files together. ``sha256`` is
    in hexadecimal digits; that of a directory is the one of its sorted listing, in the format of ``sha256sum``: a line
    ``<sha256>  ./<path>`` per file. ``saved`` is ISO 8601 in UTC. ``previous`` is set while an artifact is being
    replaced: the bytes are then either those of this record or those of the previous one.
    """

    format: int = field(default=ARTIFACT_FORMAT, kw_only=True)
    name: str
    kind: str
    size: int
    sha256: str
    saved: str
    previous: ArtifactRecord | None = None
