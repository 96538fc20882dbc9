"""Owns what the user's code logs while it runs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import Any, Generic, TypeVar

import orjson

from typedxp.errors import RecordError
from typedxp.store.directory import RunDirectory
from typedxp.store.files import reason, write_all
from typedxp.store.streams import Shape, columns, numeric_type, spell, summarize
from typedxp.vocabulary.records import StreamSummary

ConfigT = TypeVar("ConfigT")

# Strict: an integer of more than 53 bits is left to `spell`, since one of more than 64 is not an integer to a reader.
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_STRICT_INTEGER


class Run(Generic[ConfigT]):
    """One execution of one config: what the user's function logs to.

    ``config`` is the validated config, ``directory`` the path of the run's files, ``id`` its number in the store. In a
    unit test, any directory will do: ``Run(tmp_path, config, id=1)``.

    Raises:
        RecordError: no ``id`` is given, and the directory is not called by a number.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        config: ConfigT,
        id: int | None = None,  # noqa: A002 - the word of run.json
    ) -> None:
        self.directory = Path(directory)
        self.config = config
        self.id = _number(self.directory) if id is None else id
        self._files = RunDirectory(self.directory)
        self._streams: dict[str, _Stream] = {}

    def __repr__(self) -> str:
        return f"<Run {self.id} in {self.directory}>"

    def log_metrics(self, record: Mapping[str, Any], stream: str = "train") -> None:
        """Append one record of scalars to a stream, by a single write, so that a kill loses nothing that was logged.

        A value is an int, float, bool, str or None, or a numpy or torch scalar. NaN and the infinities are kept, spelt
        ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` in the file, since JSON has no numbers for them.

        Raises:
            RecordError: the stream has an unsafe name, a key is not text or begins with ``_`` (reserved), a value is
                not a scalar, or the file cannot be written.
        """
        target = self._streams.get(stream) or self._open(stream)
        target.append(record)

    def log(self, stream: str = "train", /, **metrics: Any) -> None:
        """Append one record: the short form of :meth:`log_metrics`, as in ``run.log(loss=0.1)``."""
        self.log_metrics(metrics, stream)

    def close(self) -> dict[str, StreamSummary]:
        """Close the files of the run, and sum up its streams."""
        streams, self._streams = self._streams, {}
        return {name: stream.close() for name, stream in streams.items()}

    def _open(self, stream: str) -> _Stream:
        made = _Stream(self._files.stream(stream))
        kept = self._streams.setdefault(stream, made)
        if kept is not made:
            # Another thread was faster.
            made.close()
        return kept


class _Seen:
    """What one thread wrote to a stream. Threads do not share it, so that nothing has to be locked."""

    __slots__ = ("bytes", "counted")

    def __init__(self) -> None:
        self.bytes = 0
        self.counted: dict[Shape, int] = {}


class _Stream:
    """An open stream, and what was seen of its columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open_append(path)
        self._torn = False
        self._seen: dict[int, _Seen] = {}

    def append(self, record: Mapping[str, Any]) -> None:
        thread = get_ident()
        seen = self._seen.get(thread) or self._seen.setdefault(thread, _Seen())
        try:
            shape = (tuple(record), tuple(map(type, record.values())))
        except (AttributeError, TypeError):
            raise RecordError(f"Log a mapping of names to scalars, as in {{'loss': 0.1}}, not {record!r}.") from None
        if shape not in seen.counted:
            record = _check(record)
            shape = (tuple(record), tuple(map(type, record.values())))
            seen.counted.setdefault(shape, 0)
        try:
            line = orjson.dumps(record, option=_OPTIONS)
            if b"null" in line:
                # Either None, or a NaN or an infinity, which orjson writes as null as well.
                line = spell(record)
        except TypeError:
            line = spell(record)
            shape = (shape[0], tuple(map(numeric_type, record.values())))
            seen.counted.setdefault(shape, 0)
        self._write(line)
        seen.counted[shape] += 1
        seen.bytes += len(line)

    def close(self) -> StreamSummary:
        file, self._file = self._file, -1
        written = os.fstat(file).st_size
        os.close(file)
        seen = list(self._seen.values())
        if written != sum(part.bytes for part in seen):
            # Others wrote to the stream as well: a child process, or an earlier attempt.
            return summarize(self._path)
        counted: Counter[Shape] = Counter()
        for part in seen:
            counted.update(part.counted)
        return StreamSummary(counted.total(), written, columns(counted))

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


def _number(directory: Path) -> int:
    try:
        return int(directory.name)
    except ValueError:
        raise RecordError(f"{directory} is not called by a number, as runs are: give one, Run(..., id=1).") from None


def _open_append(path: Path) -> int:
    try:
        path.parent.mkdir(exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            # A record torn by a kill stays alone on its line.
            os.write(file, b"\n")
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {reason(error)}.") from error
    return file


def _check(record: Mapping[Any, Any]) -> dict[str, Any]:
    for key in record:
        if not isinstance(key, str) or not key or key.startswith("_"):
            raise RecordError(f"A metric cannot be called {key!r}: use text that does not begin with '_'.")
    return {key: _scalar(key, value) for key, value in record.items()}


def _scalar(key: str, value: Any) -> bool | int | float | str | None:
    """Return the Python scalar that ``value`` is, or holds as a numpy or torch scalar does."""
    scalar = value
    if hasattr(value, "item") and not getattr(value, "ndim", 0):
        # Whatever an array library refuses to turn into a scalar is none.
        with suppress(Exception):
            scalar = value.item()
    if isinstance(scalar, bool | int | float | str | None):
        return scalar
    raise RecordError(
        f"The metric {key!r} is a {type(value).__name__}: "
        "log scalars (int, float, bool, str, or a numpy or torch scalar)."
    )
