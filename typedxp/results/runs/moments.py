"""Owns reading times: those that runs recorded, and those that users ask for."""

from __future__ import annotations

import re
from datetime import UTC, datetime

TIMES = ("created", "start", "end")
"""The facts of a run that are times."""

_SHORT = re.compile(r"\d{4}(-\d{2})?")


def read_moment(text: str) -> datetime:
    """Read a time in ISO 8601: a date, a month or a year is its first moment, and without a zone it is in UTC.

    Raises:
        ValueError: it is no time.
    """
    text = text.strip()
    if _SHORT.fullmatch(text):
        text += "-01" if "-" in text else "-01-01"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no time. Write it as '2026-11-01', '2026-11-01T12:00' or '2026-11-01T12:00+01:00'; "
            "without a zone it is in UTC."
        ) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def find_moment(recorded: object) -> datetime | None:
    """Read a time that a run recorded; None if it is none."""
    try:
        return read_moment(recorded) if isinstance(recorded, str) else None
    except ValueError:
        return None
