"""Owns the trailer of a packed file: what is needed to read its values without the netCDF library.

    <netCDF> <the arrays of the index once more> <what they are, and where the values are: JSON> <footer>

HDF5 would read a file as a whole for the sake of one row, refuses one that it cannot lock, and can hang on a damaged
one. The footer has the sum of the trailer; the values are summed up by whoever has written them, so that not all of
them need be read.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import orjson

Array = np.ndarray[Any, Any]

_FOOTER = struct.Struct("<8sqqQ")
_MARK = b"typedxp\0"


@dataclass(frozen=True)
class Stored:
    """What an open file holds: its ``attrs``, the arrays of its ``index``, and values that can be read in part."""

    attrs: Mapping[str, Any]
    index: Mapping[str, Array]
    _file: BinaryIO
    _offset: int
    _dtype: np.dtype[Any]

    def read(self, start: int, stop: int) -> Array:
        """Read some of the values.

        Raises:
            OSError: they cannot be read.
        """
        size = self._dtype.itemsize
        return np.frombuffer(_read(self._file, self._offset + start * size, self._offset + stop * size), self._dtype)


def add_trailer(data: bytes, attrs: Mapping[str, Any], index: Mapping[str, Array], values: Array) -> bytes:
    """Return a file with its trailer. Somewhere in its ``data`` are the values, as they are in memory."""
    words = orjson.dumps(
        {
            "attrs": attrs,
            "index": {name: (array.dtype.str, array.shape) for name, array in index.items()},
            "dtype": values.dtype.str,
            "offset": _find(data, values.tobytes()),
        }
    )
    trailer = b"".join([*(array.tobytes() for array in index.values()), words])
    return b"".join([data, trailer, _FOOTER.pack(_MARK, len(trailer), len(words), zlib.crc32(trailer))])


def read_trailer(file: BinaryIO) -> Stored:
    """Find what a file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it has no trailer, or a damaged one; struct.error is raised for the same.
    """
    end = file.seek(0, os.SEEK_END) - _FOOTER.size
    mark, length, size, crc = _FOOTER.unpack(_read(file, max(end, 0), end + _FOOTER.size))
    if mark != _MARK or not 0 <= size <= length <= end:
        raise ValueError("There is no trailer.")
    trailer = _read(file, end - length, end)
    if zlib.crc32(trailer) != crc:
        raise ValueError("The trailer is damaged.")
    words = orjson.loads(trailer[length - size :])
    index = dict(_arrays(trailer, words["index"]))
    return Stored(words["attrs"], index, file, words["offset"], np.dtype(words["dtype"]))


def _arrays(data: bytes, headers: Mapping[str, tuple[str, list[int]]]) -> Iterator[tuple[str, Array]]:
    """Yield arrays that follow each other, by name."""
    start = 0
    for name, (dtype, shape) in headers.items():
        array = np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape)
        yield name, array
        start += array.nbytes


def _find(data: bytes, part: bytes) -> int:
    """Return where a part is; to look for the whole of a long one at once takes long."""
    start = part[:4096]
    offset = data.index(start)
    while not data.startswith(part, offset):
        offset = data.index(start, offset + 1)
    return offset


def _read(file: BinaryIO, start: int, stop: int) -> bytes:
    file.seek(start)
    return file.read(max(stop - start, 0))
