"""Owns what the user's code logs while it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson

from typedxp.errors import RecordError
from typedxp.store.directory import RunDirectory
from typedxp.store.files import write_all
from typedxp.store.streams import Shape, columns, numeric_type, spell, summarize
from typedxp.vocabulary.records import StreamSummary

ConfigT = TypeVar("ConfigT")

# Strict: an integer of more than 53 bits is left to `spell`, since one of more than 64 is not an integer to a reader.
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_STRICT_INTEGER


class Run(Generic[ConfigT]):
    """One execution of one config: what the user's function logs to.

    ``config`` is the validated config, ``directory`` the path of the run's files, ``id`` its number in the store.
    """

    def __init__(self, directory: str | os.PathLike[str], config: ConfigT, id: int | None = None) -> None:  # noqa: A002 - the field's word
        self.directory = Path(directory)
        self.config = config
        self.id = int(self.directory.name) if id is None else id
        self._files = RunDirectory(self.directory)
        self._streams: dict[str, _Stream] = {}

    def __repr__(self) -> str:
        return f"<Run {self.id} in {self.directory}>"

    def log_metrics(self, record: Mapping[str, Any], stream: str = "train") -> None:
        """Append one record of scalars to a stream, by a single write, so that a kill loses nothing that was logged.

        A value is an int, float, bool, str or None, or a numpy or torch scalar. NaN and the infinities are kept, spelt
        ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` in the file, since JSON has no numbers for them.

        Raises:
            RecordError: the stream has an unsafe name, a key is not text or begins with ``_`` (reserved), a value is not a
                scalar, or the file cannot be written.
        """
        target = self._streams.get(stream)
        if target is None:
            target = self._streams[stream] = _Stream(self._files.stream(stream))
        target.append(record)

    def log(self, stream: str = "train", /, **metrics: Any) -> None:
        """Append one record: the short form of :meth:`log_metrics`, as in ``run.log(loss=0.1)``."""
        self.log_metrics(metrics, stream)

    def close(self) -> dict[str, StreamSummary]:
        """Close the files of the run, and sum up its streams."""
        streams, self._streams = self._streams, {}
        return {name: stream.close() for name, stream in streams.items()}


class _Stream:
    """An open stream, and what was seen of its columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open_append(path)
        self._records = 0
        self._bytes = 0
        self._counted: dict[Shape, int] = {}

    def append(self, record: Mapping[str, Any]) -> None:
        shape = (tuple(record), tuple(map(type, record.values())))
        if shape not in self._counted:
            record = _check(record)
            shape = (tuple(record), tuple(map(type, record.values())))
            self._counted.setdefault(shape, 0)
        try:
            line = orjson.dumps(record, option=_OPTIONS)
            if b"null" in line:
                # Either None, or a NaN or an infinity, which orjson writes as null as well.
                line = spell(record)
        except TypeError:
            line = spell(record)
            shape = (shape[0], tuple(map(numeric_type, record.values())))
            self._counted.setdefault(shape, 0)
        try:
            write_all(self._file, line)
        except OSError as error:
            raise RecordError(f"{self._path} cannot be written: {error.strerror}.") from error
        self._counted[shape] += 1
        self._records += 1
        self._bytes += len(line)

    def close(self) -> StreamSummary:
        written = os.fstat(self._file).st_size
        os.close(self._file)
        if written != self._bytes:
            # Others wrote to the stream as well: a child process, or an earlier attempt.
            return summarize(self._path)
        return StreamSummary(self._records, self._bytes, columns(self._counted))


def _open_append(path: Path) -> int:
    try:
        path.parent.mkdir(exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            # A record torn by a kill stays alone on its line.
            os.write(file, b"\n")
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror}.") from error
    return file


def _check(record: Mapping[str, Any]) -> dict[str, Any]:
    for key in record:
        if not isinstance(key, str) or not key or key.startswith("_"):
            raise RecordError(f"A metric cannot be called {key!r}: use text that does not begin with '_'.")
    return {key: _scalar(key, value) for key, value in record.items()}


def _scalar(key: str, value: Any) -> bool | int | float | str | None:
    """Return the Python scalar that ``value`` is, or holds as a numpy or torch scalar does."""
    if hasattr(value, "item") and not getattr(value, "ndim", 0):
        value = value.item()
    if isinstance(value, bool | int | float | str | None):
        return value
    raise RecordError(
        f"The metric {key!r} is a {type(value).__name__}: log scalars (int, float, bool, str, or a numpy or torch scalar)."
    )
