"""Owns how the steps of a stream are told in a few numbers, as its records come by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from typedxp.vocabulary.records import Column, Steps

KEYS = ("step", "global_step", "iteration", "epoch")
"""The metrics that may be the steps of a stream: the first that increases counts."""

MAX_PIECES = 16
"""The most pieces that steps may have: those of more are not told in a few numbers."""


class Track:
    """What one key held so far: whole numbers that increase, in pieces of equal strides."""

    __slots__ = ("_first", "_pieces", "expected", "key", "stride")

    def __init__(self, key: str) -> None:
        self.key = key
        self.expected: Any = math.nan
        """The value that would go on with the piece: NaN, which nothing is equal to, before the stride is known."""
        self.stride = 0
        self._first: int | None = None
        self._pieces: list[tuple[int, int, int]] = []

    def turn(self, value: Any) -> bool:
        """Take a value that was not expected; say whether all still increase, and the pieces are still few."""
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        value = int(value)
        if self._first is None:
            self._first = value
        elif value <= (self.expected - self.stride if self.stride else self._first):
            return False
        elif not self.stride:
            self.stride = value - self._first
            self.expected = value + self.stride
        else:
            self._pieces.append(self._piece(self._first))
            self._first, self.stride, self.expected = value, 0, math.nan
        return len(self._pieces) < MAX_PIECES

    def steps(self) -> Steps | None:
        """Return what was seen: none of no value."""
        return None if self._first is None else Steps(self.key, (*self._pieces, self._piece(self._first)))

    def _piece(self, first: int) -> tuple[int, int, int]:
        return (first, self.stride, (self.expected - first) // self.stride) if self.stride else (first, 1, 1)


def begin() -> tuple[Track, ...]:
    """Return the tracks that are to be advanced by every record of a stream, from the first one on."""
    return tuple(map(Track, KEYS))


def advance(tracks: tuple[Track, ...], record: Mapping[str, Any]) -> tuple[Track, ...]:
    """Take one more record; return the tracks that go on."""
    for track in tracks:
        value = record.get(track.key)
        if value == track.expected:
            track.expected += track.stride
        elif not track.turn(value):
            tracks = tuple(other for other in tracks if other is not track)
    return tracks


def choose(tracks: Iterable[Track], columns: Mapping[str, Column]) -> Steps | None:
    """Return the steps by the first track that held whole numbers only, and not, for example, a 2.0 after a 1."""
    return next(
        (track.steps() for track in tracks if track.key in columns and columns[track.key].kinds == ("int",)), None
    )
