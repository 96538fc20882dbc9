"""Owns arrays in the files of artifacts: what is known of them without their values, and reading parts of them.

Nothing is unpickled, and arrays of objects or with fields are left alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from typedxp.artifacts.kinds.arrays import is_array, is_arrays
from typedxp.vocabulary.artifacts import ArrayHeader

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

NETCDF = ("dataset", "dataarray")
"""The kinds whose arrays have names for their dimensions already."""

_TYPES = frozenset("biufcMmUSO")
"""The kinds of types that are described, as numpy has them: all but fields. Objects are the text of netCDF."""

_SUFFIXES = {".npy": "npy", ".npz": "npz", ".nc": "dataset"}


def array_kind(kind: str, name: str) -> str | None:
    """Return the kind of array file that an artifact is: its own, or that of the suffix of a copied file, or None."""
    found = _SUFFIXES.get(PurePosixPath(name).suffix.lower()) if kind == "file" else kind
    return found if found in ("npy", "npz", *NETCDF) else None


def describe_value(value: Any, name: str) -> dict[str, ArrayHeader]:
    """Describe an array, or named arrays, that are about to be kept under a name; nothing of anything else."""
    if is_array(value):
        return _numbered({"": (value.dtype, value.shape)}, name)
    if is_arrays(value):
        return _numbered({key: (array.dtype, array.shape) for key, array in value.items()}, name)
    return {}


def describe_file(path: Path, kind: str, name: str) -> dict[str, ArrayHeader]:
    """Describe the arrays in a file of a kind of arrays, which is kept under a name; nothing if it cannot be read."""
    try:
        if kind == "npy":
            array = _map(path)
            return _numbered({"": (array.dtype, array.shape)}, name)
        if kind == "npz":
            return _numbered(_members(path), name)
        with _dataset(path) as dataset:
            return _variables(dataset, single=kind == "dataarray")
    except Exception:  # noqa: BLE001 - a file that was given may hold anything, and is kept all the same
        return {}


def read_part(path: Path, kind: str, array: str, shape: tuple[int, ...], key: tuple[Any, ...]) -> Any:
    """Read part of an array of a known shape; ``key`` holds a slice or positions for each dimension.

    Of an ``npz`` the whole array is read, of the others only the part.

    Raises:
        ValueError: the array has another shape by now.
        Exception: it cannot be read, for whatever reason.
    """
    import numpy as np

    if kind in NETCDF:
        with _dataset(path) as dataset:
            variable = dataset.variables[array or next(iter(dataset.data_vars))]
            _check_shape(variable.shape, shape)
            return np.array(variable[key].values)
    whole = _map(path) if kind == "npy" else _read_member(path, array)
    _check_shape(whole.shape, shape)
    return np.array(_choose(whole, key))


def _choose(whole: np.ndarray[Any, Any], key: tuple[Any, ...]) -> np.ndarray[Any, Any]:
    # Slices first: they copy nothing of an array that is mapped.
    part = whole[tuple(item if isinstance(item, slice) else slice(None) for item in key)]
    for axis, item in enumerate(key):
        if not isinstance(item, slice):
            part = part[(slice(None),) * axis + (item,)]
    return part


def _check_shape(found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if tuple(found) != expected:
        raise ValueError(f"it has the shape {tuple(found)} instead of {expected}")


def _map(path: Path) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.lib.format.open_memmap(path, mode="r")


def _members(path: Path) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    import zipfile

    found = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                dtype, shape = _read_header(file)
                # Nobody may have us make an array that is larger than its file.
                if not dtype.hasobject and math.prod(shape) * dtype.itemsize + file.tell() <= member.file_size:
                    found[member.filename.removesuffix(".npy")] = dtype, shape
    return found


def _read_header(file: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    import numpy as np

    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = read[np.lib.format.read_magic(file)](file)
    return dtype, shape


def _read_member(path: Path, array: str) -> np.ndarray[Any, Any]:
    import zipfile

    import numpy as np

    with zipfile.ZipFile(path) as archive, archive.open(f"{array}.npy") as file:
        made: np.ndarray[Any, Any] = np.lib.format.read_array(file, allow_pickle=False)
        return made


@contextmanager
def _dataset(path: Path) -> Iterator[xr.Dataset]:
    import xarray as xr

    with xr.open_dataset(path, engine="netcdf4", cache=False) as dataset:
        yield dataset


def _numbered(arrays: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]], name: str) -> dict[str, ArrayHeader]:
    """Call the dimensions by the array that they are of, and by number: no other array has the same."""
    stem = str(PurePosixPath(name).with_suffix(""))
    found = {}
    for array, (dtype, shape) in arrays.items():
        if dtype.kind in _TYPES and not dtype.hasobject:
            prefix = ".".join(filter(None, [stem, array])).replace("/", ".")
            found[array] = ArrayHeader(dtype.str, shape, tuple(f"{prefix}.dim_{axis}" for axis in range(len(shape))))
    return found


def _variables(dataset: xr.Dataset, *, single: bool) -> dict[str, ArrayHeader]:
    whole = next(iter(dataset.data_vars)) if single else None
    found = {}
    for name, variable in dataset.variables.items():
        dims = tuple(map(str, variable.dims))
        if len(set(dims)) == len(dims) and variable.dtype.kind in _TYPES:
            texts = [str(variable.attrs[key]) if variable.attrs.get(key) else None for key in ("long_name", "units")]
            header = ArrayHeader(variable.dtype.str, variable.shape, dims, *texts)
            found["" if name == whole else str(name)] = header
    return found
