"""Owns numpy's own files: ``npy`` for an array, ``npz`` for named arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.artifacts.kinds.kind import Kind, is_a
from typedxp.errors import RecordError

if TYPE_CHECKING:
    import numpy as np


def is_array(value: Any) -> bool:
    """Say whether ``value`` is an array, or a scalar of numpy, that its files keep whole: masks, for one, are lost."""
    if not is_a(value, "numpy.ndarray", "numpy.generic") or is_a(value, "numpy.ma.MaskedArray", "numpy.matrix"):
        return False
    return not value.dtype.hasobject


def is_arrays(value: Any) -> bool:
    """Say whether ``value`` maps names to arrays."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(key, str) and is_array(array) for key, array in value.items())
    )


def _save_npy(value: np.ndarray[Any, Any], path: Path) -> None:
    import numpy as np

    np.save(path, value, allow_pickle=False)


def _load_npy(path: Path) -> np.ndarray[Any, Any]:
    """Map the file into memory: it is read where it is used, and changes to the array stay in memory."""
    import numpy as np

    # Not `np.load`, which takes whatever it does not know for a pickle.
    return np.lib.format.open_memmap(path, mode="c")


def _save_npz(value: Mapping[str, np.ndarray[Any, Any]], path: Path) -> None:
    """Write what ``np.savez`` writes; that itself refuses an array called ``file``."""
    import zipfile

    import numpy as np

    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in value.items():
            if not name or "\0" in name:
                raise RecordError(f"An array in {path.name} cannot be called {name!r}.")
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def _load_npz(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    import zipfile

    import numpy as np

    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            with archive.open(member) as file:
                arrays[member.removesuffix(".npy")] = np.lib.format.read_array(file, allow_pickle=False)
    return arrays


KINDS = (
    Kind("npy", (".npy",), is_array, _save_npy, _load_npy, sequential=True),
    Kind("npz", (".npz",), is_arrays, _save_npz, _load_npz),
)
