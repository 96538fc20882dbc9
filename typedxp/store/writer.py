"""Owns the writing of streams: one atomic append for each record, and a summary that costs nothing in the end."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import Any

import orjson

from typedxp.errors import RecordError
from typedxp.store.files import reason, write_all
from typedxp.store.steps import advance, begin, choose
from typedxp.store.streams import Shape, columns, measure, numeric_type, spell_record, summarize
from typedxp.vocabulary.metrics import Sizes, merge_sizes
from typedxp.vocabulary.records import StreamSummary

TIME = "_time"
"""The key under which a record says when it was logged: seconds since 1970, in UTC."""

MAX_ITEMS = 10_000
"""The most items that an array in a record may have."""

_LOOKS, _PAUSE = 10, 0.001
"""How often, and with how many seconds between, a stream is looked at that ends within a record."""

# Strict: an integer of more than 53 bits is left to `spell_record`, since one of over 64 is not an integer to a reader.
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_STRICT_INTEGER


class _Seen:
    """What one thread wrote to a stream. Threads do not share it, so that nothing has to be locked."""

    __slots__ = ("bytes", "counted", "counted_arrays", "sizes", "tracks")

    def __init__(self) -> None:
        self.bytes = 0
        self.counted: dict[Shape, int] = {}
        self.counted_arrays: dict[Shape, int] = {}
        self.sizes: dict[str, Sizes] = {}
        self.tracks = begin()


class StreamWriter:
    """An open stream, and what was seen of its columns. Several threads may append to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open_append(path)
        self._torn = False
        self._seen: dict[int, _Seen] = {}

    def append(self, record: Mapping[str, Any]) -> None:
        """Append one record by a single write.

        Raises:
            RecordError: a key or a value cannot be recorded, or the file cannot be written.
        """
        thread = get_ident()
        seen = self._seen.get(thread) or self._seen.setdefault(thread, _Seen())
        try:
            shape = (tuple(record), tuple(map(type, record.values())))
        except (AttributeError, TypeError):
            raise RecordError(f"Log a mapping of names to scalars, as in {{'loss': 0.1}}, not {record!r}.") from None
        counted = seen.counted
        if shape not in counted:
            record = _check(record)
            shape = (tuple(record), tuple(map(type, record.values())))
            if any(issubclass(value_type, list | tuple) for value_type in shape[1]):
                # These are checked each time: what is in a list does not follow from its type.
                counted = seen.counted_arrays
                measure(seen.sizes, record)
            counted.setdefault(shape, 0)
        try:
            line = orjson.dumps(record, option=_OPTIONS)
            if b"null" in line:
                # Either None, or a NaN or an infinity, which orjson writes as null as well.
                line = spell_record(record)
        except TypeError:
            line = spell_record(record)
            shape = (shape[0], tuple(map(numeric_type, record.values())))
            counted.setdefault(shape, 0)
        self._write(line)
        counted[shape] += 1
        seen.bytes += len(line)
        if seen.tracks:
            seen.tracks = advance(seen.tracks, record)

    def close(self) -> StreamSummary:
        """Close the file, and sum up all that it holds."""
        file, self._file = self._file, -1
        written = os.fstat(file).st_size
        os.close(file)
        seen = [part for part in self._seen.values() if part.bytes]
        if written != sum(part.bytes for part in seen) or (len(seen) > 1 and all(part.tracks for part in seen)):
            # Others wrote to the stream as well: a child process, or an earlier attempt. Or several threads counted
            # steps, and only the file knows in which order.
            return summarize(self._path)
        counted: Counter[Shape] = Counter()
        arrays: dict[str, Sizes] = {}
        for part in seen:
            counted.update(part.counted)
            counted.update(part.counted_arrays)
            arrays |= {key: merge_sizes(arrays.get(key, ()), found) for key, found in part.sizes.items()}
        found = columns(counted, arrays)
        steps = choose(seen[0].tracks, found) if len(seen) == 1 else None
        return StreamSummary(counted.total(), written, found, steps)

    def _write(self, line: bytes) -> None:
        try:
            if self._torn:
                # A record of which only a part found room stays alone on its line.
                write_all(self._file, b"\n")
                self._torn = False
            write_all(self._file, line)
        except OSError as error:
            self._torn = True
            raise RecordError(f"{self._path} cannot be written: {reason(error)}.") from error


def _open_append(path: Path) -> int:
    try:
        path.parent.mkdir(exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        if _is_torn(file):
            # A record torn by a kill stays alone on its line.
            os.write(file, b"\n")
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {reason(error)}.") from error
    return file


def _is_torn(file: int) -> bool:
    """Whether a stream ends within a record that nobody is just writing."""
    for _ in range(_LOOKS):
        size = os.fstat(file).st_size
        if not size or os.pread(file, 1, size - 1) == b"\n":
            return False
        time.sleep(_PAUSE)
    return True


def _check(record: Mapping[Any, Any]) -> dict[str, Any]:
    for key in record:
        if not isinstance(key, str) or not key or (key.startswith("_") and key != TIME):
            raise RecordError(f"A metric cannot be called {key!r}: use text that does not begin with '_'.")
    return {key: plain_metric(key, value) for key, value in record.items()}


def plain_metric(key: str, value: Any) -> Any:
    """Return the Python scalar that ``value`` is, or holds as a numpy or torch scalar does; of an array, nested lists.

    Raises:
        RecordError: it is no scalar and no small array of scalars.
    """
    plain = value
    if hasattr(value, "tolist"):
        # Whatever an array library refuses to turn into Python's values is no metric.
        with suppress(Exception):
            plain = value.tolist()
    elif hasattr(value, "item"):
        with suppress(Exception):
            plain = value.item()
    if _count(plain) <= MAX_ITEMS:
        return plain
    raise RecordError(
        f"The metric {key!r} is a {type(value).__name__}: log scalars (int, float, bool, str, or a numpy or torch "
        f"scalar) or arrays of up to {MAX_ITEMS} of them, and anything else by run.log_artifact."
    )


def _count(value: Any) -> float:
    """Count the scalars in a value: infinitely many where something else is among them."""
    if isinstance(value, list | tuple):
        return sum(map(_count, value))
    return 1 if isinstance(value, bool | int | float | str | None) else float("inf")


def cut(path: Path, size: int, aside: Path) -> None:
    """Move what a stream holds beyond ``size`` bytes into a file of the same name in the directory ``aside``.

    It is there, and forced to the disk, before it is gone here: a kill in between leaves it in both places, and the
    next cut makes that good.

    Raises:
        RecordError: a file cannot be written.
    """
    try:
        if path.stat().st_size <= size:
            return
        aside.mkdir(parents=True, exist_ok=True)
        with path.open("r+b") as file, (aside / path.name).open("wb") as kept:
            file.seek(size)
            shutil.copyfileobj(file, kept, 1 << 20)
            kept.flush()
            os.fsync(kept.fileno())
            file.truncate(size)
    except OSError as error:
        raise RecordError(f"{path} cannot be cut: {reason(error)}.") from error
