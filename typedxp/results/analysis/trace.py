"""Owns reading back which runs made a file: a dataset, a table or a figure."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray

from typedxp.errors import ResultsError
from typedxp.results.analysis.libraries import needed_for
from typedxp.results.analysis.provenance import Provenance, origin, unite


def trace(path: str | os.PathLike[str]) -> Provenance:
    """Return what made a file that was written from results.

    Datasets (``.nc``, ``.zarr``), tables (``.csv``, ``.tex``, ``.html``, ``.md``) and figures (``.png``, ``.pdf``,
    ``.svg``) say so. A dataset that still has its runs as a coordinate is described by that coordinate.

    Raises:
        ResultsError: there is no such file, it cannot be read, or it does not say what made it.
    """
    file = Path(path).expanduser()
    read = _READERS.get(file.suffix.lower())
    if read is None:
        raise ResultsError(f"{file} cannot be traced: name a file that ends in {', '.join(_READERS)}.")
    try:
        found = read(file)
    except ResultsError as error:
        raise ResultsError(f"{file} cannot be traced: {error}") from error
    except (OSError, ValueError, KeyError, RuntimeError, SyntaxError) as error:
        # Each of these is raised for damaged files by one of the libraries that read them.
        raise ResultsError(f"{file} cannot be read: {error}") from error
    if found is None:
        raise ResultsError(
            f"{file} does not say what made it. Files do that were written by `.xp`, "
            "or by xarray from results that kept their attributes."
        )
    return found


def _read_netcdf(path: Path) -> Provenance | None:
    with needed_for("Reading a netCDF file"):
        import netCDF4  # noqa: F401  # xarray loads it by itself, and would say less clearly that it is not there
    return _read_groups(path, "netcdf4")


def _read_zarr(path: Path) -> Provenance | None:
    with needed_for("Reading a zarr directory"):
        import zarr  # noqa: F401
    if not path.is_dir():
        raise ResultsError("there is no such directory.")
    return _read_groups(path, "zarr")


def _read_groups(path: Path, engine: str) -> Provenance | None:
    # Times are of no interest here, and may be spelled in a way that cannot be decoded.
    options: dict[str, Any] = {"consolidated": False} if engine == "zarr" else {}
    groups = xarray.open_groups(path, engine=engine, decode_times=False, **options)
    try:
        return unite([Provenance.from_attrs(origin(dataset)) for dataset in groups.values()])
    finally:
        for dataset in groups.values():
            dataset.close()


def _read_text(path: Path) -> Provenance | None:
    return Provenance.from_lines(path.read_text("utf-8", errors="replace"))


def _read_png(path: Path) -> Provenance | None:
    """Find our text among the chunks of the file; no picture is decoded, however large it says that it is."""
    with path.open("rb") as file:
        if file.read(8) != b"\x89PNG\r\n\x1a\n":
            raise ResultsError("it is no PNG.")
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            name, _, text = file.read(length).partition(b"\0") if kind == b"tEXt" else (b"", b"", b"")
            if name == b"typedxp":
                return Provenance.from_lines(text.decode("latin-1"))
            # A checksum ends the chunk.
            file.seek(4 if kind == b"tEXt" else length + 4, os.SEEK_CUR)
    return None


def _read_pdf(path: Path) -> Provenance | None:
    """Find our lines among the keywords of the document, which matplotlib writes as plain text."""
    match = re.search(rb"/Keywords \(((?:[^()\\]|\\.)*)\)", path.read_bytes(), re.DOTALL)
    if match is None:
        return None
    text = re.sub(rb"\\(.)", lambda escaped: b"\n" if escaped[1] == b"n" else escaped[1], match[1])
    return Provenance.from_lines(text.decode("latin-1"))


_READERS: dict[str, Callable[[Path], Provenance | None]] = {
    ".nc": _read_netcdf,
    ".zarr": _read_zarr,
    ".csv": _read_text,
    ".tex": _read_text,
    ".html": _read_text,
    ".md": _read_text,
    ".png": _read_png,
    ".pdf": _read_pdf,
    ".svg": _read_text,
}
