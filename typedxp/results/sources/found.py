"""Owns what a source says of one run: plain values, the same for our own runs and for those of other tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typedxp.vocabulary.records import StreamSummary


@dataclass(frozen=True, slots=True)
class FoundStream:
    """A stream of metrics. ``file`` is its path below the directory of the run; its ending says how it is written.

    It is ``.jsonl`` or ``.json`` for one JSON object per line, or ``.csv`` for a header and one line per record.
    """

    file: str
    summary: StreamSummary


@dataclass(frozen=True, slots=True)
class Found:
    """One run, as a source found it.

    ``directory`` is relative to the root of the source. ``command`` names what launched the run together with others;
    ``point`` holds the keys that this command swept, ``choices`` the options of its config groups. ``config`` is there
    if it had to be read anyway. ``facts`` are the other things that can be asked of a run, by dotted names: ``status``,
    ``experiment``, ``start``, ``end``, ``code.commit``, ``environment.host``; times are ISO 8601 in UTC.
    """

    id: int
    directory: str
    command: str
    facts: Mapping[str, Any]
    point: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, str | None] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None
    streams: Mapping[str, FoundStream] = field(default_factory=dict)
