"""Owns the units of time and memory: how users write them, and the numbers that schedulers spell in their own ways."""

from __future__ import annotations

import re
from datetime import timedelta
from math import inf
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

_CLOCK = re.compile(r"(?:(\d+)-)?(\d+):(\d{1,2})(?::(\d{1,2}))?")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(w|d|h|min|m|s)", re.IGNORECASE)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "min": 60, "s": 1}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTP])(?:i?B)?", re.IGNORECASE)
_POWERS = "KMGTP"
# The same for editors, whose regular expressions know no flags.
_TIME_SCHEMA = {
    "type": "string",
    "pattern": r"^\s*((\d+-)?\d+:\d{1,2}:\d{1,2}|\d+-\d+:\d{1,2}|(\d+(\.\d+)?\s*([wdhmsWDHMS]|[mM][iI][nN])\s*)+)\s*$",
    "examples": ["2h", "90m", "02:00:00", "1-00:00:00"],
}
_SIZE_SCHEMA = {
    "type": "string",
    "pattern": r"^\s*\d+(\.\d+)?\s*[KMGTPkmgtp]([iI]?[bB])?\s*$",
    "examples": ["16G", "512MB"],
}


def read_walltime(value: Any) -> timedelta:
    """Read a time as users write it: ``2h``, ``90m``, ``1d12h``, ``02:00:00``, ``1-00:00:00``, or a timedelta.

    Raises:
        ValueError: it is none of these, or not positive; a number without a unit is minutes to some schedulers, and
            seconds to others.
    """
    found = value if isinstance(value, timedelta) else _walltime(str(value).strip())
    if found is None or found <= timedelta(0):
        raise PydanticCustomError("walltime", "A time is written as 2h, 90m, 02:00:00 or 1-00:00:00")
    # Whole seconds, and none too few.
    return timedelta(seconds=-(-found // timedelta(seconds=1)))


def _walltime(text: str) -> timedelta | None:
    if clock := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        if clock[4] is None and clock[1] is None:
            # Two numbers are hours and minutes to some schedulers, and minutes and seconds to others.
            return None
        return _span(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).strip():
        return None
    return _span(sum(float(number) * _SECONDS[unit.lower()] for number, unit in parts))


def _span(seconds: float) -> timedelta | None:
    """Return so many seconds; None if that is more than a timedelta holds."""
    return timedelta(seconds=seconds) if seconds <= timedelta.max.total_seconds() - 1 else None


def read_memory(value: Any) -> int:
    """Read an amount of memory as users write it: ``16G``, ``512MB``, ``1.5GiB``; return bytes.

    A G is 1024**3 bytes, with or without B or iB: so it is for every scheduler.

    Raises:
        ValueError: it is none of these; a number without a unit is bytes to some schedulers, and megabytes to others.
    """
    match = _SIZE.fullmatch(str(value).strip())
    size = float(match[1]) * 1024 ** (_POWERS.index(match[2].upper()) + 1) if match else 0.0
    if not 0 < size < inf:
        raise PydanticCustomError("memory", "Memory is written as 16G or 512MB")
    return max(1, round(size))


def clock(time: timedelta) -> str:
    """Spell a time as HH:MM:SS, with as many hours as it takes."""
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def days_clock(time: timedelta) -> str:
    """Spell a time as D-HH:MM:SS, or as HH:MM:SS if it is less than a day."""
    rest = time - timedelta(days=time.days)
    return f"{time.days}-{clock(rest)}" if time.days else clock(rest)


def seconds(time: timedelta) -> int:
    """Return a time in seconds."""
    return int(time.total_seconds())


def minutes(time: timedelta) -> int:
    """Return a time in minutes, rounded up."""
    return -(-seconds(time) // 60)


def kilobytes(size: int) -> int:
    """Return a number of bytes in units of 1024 bytes, rounded up."""
    return -(-size // 1024)


def megabytes(size: int) -> int:
    """Return a number of bytes in units of 1024**2 bytes, rounded up."""
    return -(-size // 1024**2)


def spell_memory(size: int) -> str:
    """Spell a number of bytes in the largest unit that divides it, from kilobytes on, as in ``16G``."""
    size = kilobytes(size)
    unit = 0
    while size % 1024 == 0 and unit < len(_POWERS) - 1:
        size, unit = size // 1024, unit + 1
    return f"{size}{_POWERS[unit]}"


Walltime = Annotated[
    timedelta,
    BeforeValidator(read_walltime),
    PlainSerializer(days_clock, return_type=str),
    WithJsonSchema(_TIME_SCHEMA),
]
"""A time limit: ``2h``, ``90m``, ``02:00:00``, ``1-00:00:00``."""

Memory = Annotated[
    int,
    BeforeValidator(read_memory),
    PlainSerializer(spell_memory, return_type=str),
    WithJsonSchema(_SIZE_SCHEMA),
]
"""An amount of memory, in bytes: ``16G``, ``512MB``; units are powers of 1024."""
