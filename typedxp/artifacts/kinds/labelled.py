"""Owns labelled arrays: xarray's, in netCDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.artifacts.kinds.kind import Kind, is_a

if TYPE_CHECKING:
    import xarray as xr


def _is_dataset(value: Any) -> bool:
    return is_a(value, "xarray.Dataset")


def _is_dataarray(value: Any) -> bool:
    return is_a(value, "xarray.DataArray")


def _save(value: xr.Dataset | xr.DataArray, path: Path) -> None:
    value.to_netcdf(path, engine="netcdf4")


def _load_dataset(path: Path) -> xr.Dataset:
    """Open the file: variables are read when they are used."""
    import xarray as xr

    return xr.open_dataset(path, engine="netcdf4")


def _load_dataarray(path: Path) -> xr.DataArray:
    import xarray as xr

    return xr.open_dataarray(path, engine="netcdf4")


KINDS = (
    Kind("dataset", (".nc",), _is_dataset, _save, _load_dataset),
    # Of its own, since the file alone does not say whether its only variable was all there was.
    Kind("dataarray", (".nc",), _is_dataarray, _save, _load_dataarray),
)
