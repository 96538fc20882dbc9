"""``typedxp pack``: one file of a store."""

from __future__ import annotations

import sys

import pytest
import xarray


def test_a_store_becomes_one_file_that_is_read_without_typedxp(typed, tmp_path):
    assert typed("pack", "logs", "runs.nc").out == "runs.nc\n"

    with xarray.open_dataset(tmp_path / "runs.nc", engine="netcdf4") as ds:
        assert dict(ds.sizes) == {"lr": 2, "optimizer": 2, "seed": 3, "train.step": 3}
        assert ds["train.loss"].sel(lr=0.1, optimizer="sgd").mean("seed").values == pytest.approx([2, 1, 0])
        assert ds["status"].sel(lr=0.2, optimizer="sgd", seed=0) == "missing"
        assert ds.attrs["runs"] == "1-11"


def test_a_file_alone_means_the_store_of_the_options_and_zarr_is_possible(typed, tmp_path):
    pytest.importorskip("zarr")

    typed("pack", "runs.zarr", "--logs", "logs", "--where", "seed == 1", "--layout", "runs")

    with xarray.open_zarr(tmp_path / "runs.zarr") as ds:
        assert ds["seed"].values.tolist() == [1, 1, 1, 1]


def test_what_is_there_is_replaced_only_if_that_is_asked_for(typed, tmp_path):
    (tmp_path / "runs.nc").write_text("mine")

    assert "Choose another name, or pass --overwrite." in typed("pack", "runs.nc", code=2).err
    assert (tmp_path / "runs.nc").read_text() == "mine"
    typed("pack", "runs.nc", "--overwrite")
    with xarray.open_dataset(tmp_path / "runs.nc") as ds:
        assert ds.attrs["experiment"] == "train"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name the file to write, or a store and the file"),
        (["a", "b", "c.nc"], "Name the file to write, or a store and the file"),
        (["logs"], "Cannot tell the format of logs: name a file that ends in .nc, .zarr."),
        (["elsewhere", "runs.nc"], "There is no directory"),
        (["runs.nc", "--where", "sed == 1"], "No run has a field 'sed'."),
        (["nowhere/runs.nc"], "there is no directory nowhere"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(typed, tmp_path, arguments, said):
    assert said in typed("pack", *arguments, code=2).err
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_a_library_that_is_missing_is_named_with_its_remedy(typed, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)

    assert "pip install typedxp[zarr]" in typed("pack", "runs.zarr", code=2).err
