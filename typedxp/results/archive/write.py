"""Owns the one file that a store becomes for others: NetCDF4 or Zarr, which any program reads without typedxp.

Variables are written block by block, so that a store may be larger than the memory.
"""

from __future__ import annotations

import itertools
import math
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import xarray
from xarray.backends.netCDF4_ import NETCDF4_PYTHON_LOCK

from typedxp.errors import ResultsError
from typedxp.results.archive.portable import as_text, legal_name, portable_dataset
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.version import VERSION

Block = tuple[slice, ...]
Write = Callable[[Block, np.ndarray[Any, Any]], None]

_CHUNK, _BLOCK = 2**17, 2**21  # values: what is compressed at once, and what is in memory at once


class _Format(Protocol):
    def write_frame(self, path: Path, group: str, frame: xarray.Dataset) -> None:
        """Write a group with its coordinates and attributes."""

    def add_variables(self, path: Path, group: str, dataset: xarray.Dataset, names: list[str]) -> None:
        """Add variables to a group, and write their values."""

    def finish(self, path: Path) -> None:
        """Do what is left to do once everything is written."""


def write_archive(
    dataset: xarray.Dataset | xarray.DataTree, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write one self-describing file of a dataset, or one with a group for each node of a tree.

    Args:
        dataset: what is written, as :func:`typedxp.open_results` opened it; values are read as they are written.
        path: ends in ``.nc`` for NetCDF4, or in ``.zarr`` for a directory (needs the library zarr). It is there when
            all is written, or not at all.
        overwrite: whether something that is there already is replaced.

    Raises:
        ResultsError: the target is there already, has another suffix or cannot be written, or a library is missing.
    """
    target = Path(path).expanduser().absolute()
    form = _choose_format(target)
    if os.path.lexists(target) and not overwrite:
        raise ResultsError(f"{target} is there already. Choose another name, or pass overwrite=True to replace it.")
    draft = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        _write(dataset, draft, form)
        _put(draft, target)
    except (OSError, RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        raise ResultsError(f"{target} cannot be written: {error}") from error
    finally:
        _remove(draft)


def _choose_format(target: Path) -> _Format:
    if target.suffix == ".nc":
        return _NetCDF()
    if target.suffix != ".zarr":
        raise ResultsError(f"Cannot tell the format of {target}. Use a name that ends in .nc or in .zarr.")
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise ResultsError(f"{target}: zarr is not installed. Run `pip install typedxp[zarr]`, or use .nc.") from error
    return _Zarr()


def _write(dataset: xarray.Dataset | xarray.DataTree, path: Path, form: _Format) -> None:
    for group, node in _nodes(dataset):
        portable = portable_dataset(node)
        if group == "/":
            portable.attrs = {**_origin(portable.attrs), **portable.attrs, "Conventions": "CF-1.11"}
        # What is neither a number nor text is left to xarray, which knows how times are stored.
        streamed = [str(name) for name, variable in portable.data_vars.items() if variable.dtype.kind in "biufUO"]
        form.write_frame(path, group, portable.drop_vars(streamed))
        form.add_variables(path, group, portable, streamed)
    form.finish(path)


def _nodes(dataset: xarray.Dataset | xarray.DataTree) -> Iterator[tuple[str, xarray.Dataset]]:
    if isinstance(dataset, xarray.Dataset):
        yield "/", dataset
    else:
        for node in dataset.subtree:
            parts = [legal_name(part) for part in node.relative_to(dataset).split("/") if part not in {"", "."}]
            yield "/" + "/".join(parts), node.to_dataset(inherit=node is dataset)


def _origin(attrs: dict[Any, Any]) -> dict[str, str]:
    title = f"Runs of the experiment {attrs['experiment']}" if "experiment" in attrs else "Runs of experiments"
    return {"title": title, "source": f"typedxp {VERSION}", "history": f"{now()} written by typedxp {VERSION}"}


class _NetCDF:
    def write_frame(self, path: Path, group: str, frame: xarray.Dataset) -> None:
        frame.to_netcdf(path, mode="w" if group == "/" else "a", group=group, engine="netcdf4")

    def add_variables(self, path: Path, group: str, dataset: xarray.Dataset, names: list[str]) -> None:
        import netCDF4

        with NETCDF4_PYTHON_LOCK:
            file = netCDF4.Dataset(path, "a")
        try:
            for name in names:
                variable = dataset[name]
                with NETCDF4_PYTHON_LOCK:
                    written = self._create(file[group] if group != "/" else file, variable)

                def write(block: Block, values: Any, written: Any = written) -> None:
                    # Only here: what reads the values may use the library, too.
                    with NETCDF4_PYTHON_LOCK:
                        written[block] = values

                _copy(variable.variable, write)
        finally:
            with NETCDF4_PYTHON_LOCK:
                file.close()

    def finish(self, path: Path) -> None:
        """Nothing is left to do."""

    @staticmethod
    def _create(group: Any, variable: xarray.DataArray) -> Any:
        for name, size in variable.sizes.items():
            if name not in group.dimensions:
                group.createDimension(name, size)
        dtype: Any = _stored_type(variable.dtype)
        text = dtype is str
        options: dict[str, Any] = {"fill_value": np.nan} if not text and dtype.kind == "f" else {}
        if variable.size and variable.ndim:
            options["chunksizes"] = _extents(variable.shape, _CHUNK)
            options |= {} if text else {"compression": "zlib", "complevel": 1, "shuffle": True}
        attrs = _coordinates(variable) | {str(name): value for name, value in variable.attrs.items()}
        if variable.dtype == np.bool_:
            dtype, attrs = np.dtype(np.int8), {**attrs, "dtype": "bool"}
        written = group.createVariable(variable.name, dtype, variable.dims, **options)
        written.setncatts(attrs)
        return written


class _Zarr:
    def write_frame(self, path: Path, group: str, frame: xarray.Dataset) -> None:
        # Format 2, since text has no settled place in format 3.
        frame.to_zarr(path, mode="w" if group == "/" else "a", group=group, zarr_format=2, consolidated=False)

    def add_variables(self, path: Path, group: str, dataset: xarray.Dataset, names: list[str]) -> None:
        import zarr

        node: Any = zarr.open_group(path, path=group.strip("/"), mode="r+", zarr_format=2)
        for name in names:
            variable = dataset[name]
            dtype = _stored_type(variable.dtype)
            shape, chunks = variable.shape, _extents(variable.shape, _CHUNK)
            # Any other value to fill with would be read as a missing one.
            fill = np.nan if variable.dtype.kind == "f" else None
            written = node.create_array(name, shape=shape, dtype=dtype, chunks=chunks, fill_value=fill)
            attrs = {"_ARRAY_DIMENSIONS": list(variable.dims)} | _coordinates(variable)
            written.attrs.update(attrs | {str(name): value for name, value in variable.attrs.items()})
            _copy(variable.variable, written.__setitem__)

    def finish(self, path: Path) -> None:
        import zarr

        zarr.consolidate_metadata(str(path), zarr_format=2)


def _stored_type(dtype: np.dtype[Any]) -> Any:
    if dtype.kind in "UO":
        return str
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def _coordinates(variable: xarray.DataArray) -> dict[str, str]:
    names = [str(name) for name in variable.coords if name not in variable.dims]
    return {"coordinates": " ".join(names)} if names else {}


def _copy(variable: xarray.Variable, write: Write) -> None:
    """Read a variable block by block, and write each."""
    dtype = _stored_type(variable.dtype)
    for block in _blocks(variable.shape):
        values = variable[block].values
        if dtype is str:
            values = as_text(values)
        elif not np.can_cast(values.dtype, variable.dtype, "same_kind"):
            raise ResultsError(
                f"The runs were changed while they were read: {values.dtype}, not {dtype}. Open them again."
            )
        write(block, values)


def _extents(shape: tuple[int, ...], most: int) -> tuple[int, ...]:
    """Say how far a part of at most so many values goes along each axis: the whole of the last ones, if it can."""
    extents: list[int] = []
    for size in reversed(shape):
        extents.insert(0, max(1, min(size, most // math.prod(extents))))
    return tuple(extents)


def _blocks(shape: tuple[int, ...]) -> Iterator[Block]:
    """Cut an array into blocks that consist of whole chunks, so that each of these is compressed once."""
    if math.prod(shape):
        chunks, extents = _extents(shape, _CHUNK), _extents(shape, _BLOCK)
        steps = [max(extent // chunk * chunk, 1) for extent, chunk in zip(extents, chunks, strict=True)]
        starts = itertools.product(*(range(0, size, step) for size, step in zip(shape, steps, strict=True)))
        for start in starts:
            yield tuple(slice(at, at + step) for at, step in zip(start, steps, strict=True))


def _put(draft: Path, target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        # No call replaces a directory that is not empty.
        old = draft.with_name(f"{draft.name}.old")
        target.rename(old)
        try:
            draft.rename(target)
        except OSError:
            old.rename(target)
            raise
        shutil.rmtree(old)
    else:
        draft.replace(target)


def _remove(draft: Path) -> None:
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)
