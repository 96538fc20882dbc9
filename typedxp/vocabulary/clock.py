"""Owns the spelling of times in the files of a run."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Return the time, in UTC, as ISO 8601."""
    return spell_time(datetime.now(UTC))


def spell_time(moment: datetime) -> str:
    """Write a time as ISO 8601, to the millisecond."""
    return moment.isoformat(timespec="milliseconds")
