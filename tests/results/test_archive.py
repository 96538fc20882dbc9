"""What one file of a store holds for whoever has no typedxp."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray
from xarray.backends import BackendArray
from xarray.core import indexing

import typedxp
from typedxp.errors import ResultsError
from typedxp.results.archive import write as archive
from typedxp.results.archive.write import write_archive
from typedxp.vocabulary.version import VERSION

SUFFIXES = [".nc", ".zarr"]


@pytest.fixture(params=SUFFIXES)
def target(tmp_path, request):
    if request.param == ".zarr":
        pytest.importorskip("zarr")
    return tmp_path / f"out{request.param}"


@pytest.fixture
def made():
    """A dataset as results are: a grid of two keys, coordinates along it, metrics of every kind."""
    rng = np.random.default_rng(0)
    losses = rng.normal(size=(2, 3, 5))
    losses[1, 2] = [np.nan, np.inf, -np.inf, -0.0, 5e-324]
    grid = ("lr", "optimizer.kind")
    return xarray.Dataset(
        {
            "train.loss": ((*grid, "train.step"), losses, {"units": "nats", "long_name": "mean loss"}),
            "train.epoch": ((*grid, "train.step"), rng.integers(-(2**62), 2**62, (2, 3, 5))),
            "train.fine": ((*grid, "train.step"), rng.random((2, 3, 5)) < 0.5),
            "note": (grid, np.array([["a", None, ""], ["é", {"b": [1]}, np.nan]], object)),
            "accuracy": (grid, rng.random((2, 3)).astype(np.float32)),
            "total": ((), 3),
        },
        coords={
            "lr": ("lr", [0.1, 0.01], {"key": "optimizer.lr", "long_name": "step size"}),
            "optimizer.kind": ["None", "adam", "sgd"],
            "run": (grid, [[1, 2, 3], [4, 5, -1]]),
            "status": (grid, [["completed"] * 3, ["failed", "running", "missing"]]),
            "wall": (grid, [[1.5, np.nan, 3.0], [0.25, 1e9, np.nan]], {"units": "seconds"}),
        },
        attrs={"experiment": "train", "runs": "1-5"},
    )


def reread(path):
    with xarray.open_dataset(path) as dataset:
        return dataset.load()


def assert_same(found, expected):
    assert set(found.variables) == set(expected.variables)
    assert set(found.coords) == set(expected.coords)
    for name, variable in expected.variables.items():
        assert found[name].dims == variable.dims, name
        np.testing.assert_array_equal(found[name].values, variable.values, err_msg=str(name))


def test_numbers_labels_and_truths_are_the_same_after_a_round_trip(made, target):
    write_archive(made, target)

    found = reread(target)

    texts = np.array([["a", "", ""], ["é", '{"b": [1]}', ""]])
    assert_same(found, made.assign(note=(made["note"].dims, texts)))
    assert [found[name].dtype for name in ("train.loss", "train.epoch", "train.fine", "accuracy", "total")] == [
        np.float64,
        np.int64,
        np.bool_,
        np.float32,
        np.int64,
    ]
    assert np.signbit(found["train.loss"].values[1, 2, 3])
    assert found["status"].sel(lr=0.1, **{"optimizer.kind": "adam"}).item() == "completed"


def test_the_file_says_what_it_is_and_how_it_came_to_be(made, target):
    write_archive(made, target)

    attrs = reread(target).attrs

    assert attrs["Conventions"] == "CF-1.11"
    assert attrs["title"] == "Runs of the experiment train"
    assert attrs["source"] == f"typedxp {VERSION}"
    assert attrs["history"].endswith(f"written by typedxp {VERSION}")
    assert attrs["runs"] == "1-5"


def test_attributes_of_variables_are_kept_and_seconds_stay_numbers(made, target):
    write_archive(made, target)

    found = reread(target)

    assert found["train.loss"].attrs == {"units": "nats", "long_name": "mean loss"}
    assert found["lr"].attrs == {"key": "optimizer.lr", "long_name": "step size"}
    assert found["wall"].attrs["units"] == "s"
    assert found["wall"].dtype == np.float64


def test_the_dataset_that_was_written_is_left_as_it_was(made, target):
    made["train.loss"].attrs["a/b"] = {"c": None}
    before = made.copy(deep=True)

    write_archive(made.rename({"train.step": "a/b"}), target)

    assert made.identical(before)


WITHOUT_TYPEDXP = """
import json, sys
sys.modules["typedxp"] = None
import warnings
warnings.simplefilter("ignore")  # that the engine called typedxp cannot be loaded
import xarray
dataset = xarray.open_dataset(sys.argv[1])
json.dump({
    "loss": dataset["train.loss"].values.tolist(),
    "coords": {name: repr(coord.values.tolist()) for name, coord in dataset.coords.items()},
    "dims": list(dataset["train.loss"].dims),
    "attrs": dataset.attrs,
    "key": dataset["lr"].attrs["key"],
}, sys.stdout)
"""


def test_a_store_is_read_from_its_file_by_a_process_without_typedxp(grid, target):
    opened = typedxp.open_results(grid.path)
    write_archive(opened, target)

    command = [sys.executable, "-c", WITHOUT_TYPEDXP, str(target)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert found["loss"] == opened["train.loss"].values.tolist()
    assert found["coords"] == {name: repr(coord.values.tolist()) for name, coord in opened.coords.items()}
    assert found["dims"] == list(opened["train.loss"].dims)
    assert found["attrs"]["experiment"] == "train"
    assert found["key"] == "optimizer.lr"


def test_names_that_are_not_legal_are_changed_and_kept_beside(target):
    dataset = xarray.Dataset(
        {"a/b": ("x/y", [1, 2]), "a_b": ("x/y", [3, 4]), "1e3": ((), 1), "-": ((), 2), "": ((), 3)},
        coords={"learning rate": ("x/y", [0.1, 0.2])},
    )
    write_archive(dataset, target)

    found = reread(target)

    assert {name: found[name].attrs.get("original_name") for name in found.variables} == {
        "a_b": None,
        "a_b_2": "a/b",
        "1e3": None,
        "_-": "-",
        "_": "",
        "learning_rate": "learning rate",
    }
    assert found["a_b_2"].values.tolist() == [1, 2]
    assert "learning_rate" in found["a_b"].coords


def test_attributes_that_no_file_can_hold_become_text(target):
    attrs = {
        "none": None,
        "yes": True,
        "map": {"a": [1, None]},
        "huge": 2**70,
        "mixed": [1, "a"],
        "empty": [],
        "numbers": [1, 2],
        "texts": ["a", "b"],
        "float": np.float32(0.5),
        "array": np.arange(3),
        "a b": 1,
    }
    variable = ("x", [1.0, 2.0], {"_FillValue": 1.0, "scale_factor": 10.0, "units": "days since the start"})
    write_archive(xarray.Dataset({"loss": variable}, attrs=attrs), target)

    found = reread(target)

    texts = {name: found.attrs[name] for name in ("none", "yes", "map", "huge", "mixed", "empty")}
    assert texts == {
        "none": "null",
        "yes": "true",
        "map": '{"a": [1, null]}',
        "huge": str(2**70),
        "mixed": '[1, "a"]',
        "empty": "[]",
    }
    assert list(found.attrs["numbers"]) == [1, 2]
    assert list(found.attrs["texts"]) == ["a", "b"]
    assert found.attrs["float"] == 0.5
    assert list(found.attrs["array"]) == [0, 1, 2]
    assert found.attrs["a_b"] == 1
    assert found["loss"].values.tolist() == [1, 2]
    assert found["loss"].attrs["long_units"] == "days since the start"


def test_labels_that_are_objects_become_numbers_or_text(target):
    coords = {
        "x": np.array([None, "a"], object),
        "y": np.array([1, None], object),
        "z": ("x", np.array([None, (1, 2)], object)),
    }
    write_archive(xarray.Dataset(coords=coords), target)

    found = reread(target)

    assert found["x"].values.tolist() == ["None", "a"]
    np.testing.assert_array_equal(found["y"], [1, np.nan])
    assert found["z"].values.tolist() == ["", "[1, 2]"]


def test_times_come_back_as_times(target):
    moments = np.array(["2026-11-20T12:00:00", "NaT"], "datetime64[ns]")
    write_archive(xarray.Dataset({"start": ("x", moments)}, coords={"end": ("x", moments)}), target)

    found = reread(target)

    np.testing.assert_array_equal(found["start"], moments)
    np.testing.assert_array_equal(found["end"], moments)


def test_a_dataset_without_values_or_without_anything_is_written(target):
    empty = xarray.Dataset({"loss": (("run", "step"), np.empty((2, 0)))}, coords={"run": [1, 2]})
    write_archive(empty, target)

    assert dict(reread(target).sizes) == {"run": 2, "step": 0}

    write_archive(xarray.Dataset(), target, overwrite=True)
    assert not reread(target).variables


def test_a_tree_becomes_groups(target):
    tree = xarray.DataTree.from_dict(
        {
            "/": xarray.Dataset(coords={"seed": [0, 1, 2]}, attrs={"experiment": "train"}),
            "/sgd": xarray.Dataset({"loss": (("lr", "seed"), np.arange(6.0).reshape(2, 3))}, coords={"lr": [0.1, 0.2]}),
            "/adam/fast": xarray.Dataset({"loss": ("seed", [1.0, 2.0, np.nan])}),
        }
    )
    write_archive(tree, target)

    with xarray.open_datatree(target) as found:
        assert found.attrs["Conventions"] == "CF-1.11"
        assert set(found.groups) == {"/", "/sgd", "/adam", "/adam/fast"}
        assert found["sgd"]["loss"].dims == ("lr", "seed")
        np.testing.assert_array_equal(found["adam/fast/loss"], [1.0, 2.0, np.nan])
        assert found["sgd"]["seed"].values.tolist() == [0, 1, 2]
        np.testing.assert_array_equal(found["sgd"]["loss"], np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("chunks", [None, {"x": 7}])
def test_a_variable_of_many_blocks_is_written_whole(target, monkeypatch, chunks):
    monkeypatch.setattr(archive, "_CHUNK", 64)
    monkeypatch.setattr(archive, "_BLOCK", 300)
    values = np.arange(23 * 11 * 5.0).reshape(23, 11, 5)
    dataset = xarray.Dataset({"a": (("x", "y", "z"), values), "b": ("x", values[:, 0, 0].astype(str))})
    write_archive(dataset.chunk(chunks) if chunks else dataset, target)

    assert_same(reread(target), dataset)


class Endless(BackendArray):
    """Numbers that are made when they are asked for."""

    def __init__(self, shape):
        self.shape, self.dtype = shape, np.dtype(np.float64)

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._make)

    def _make(self, key):
        return np.broadcast_to(1.0, self.shape)[key].copy()


def test_what_is_larger_than_the_memory_is_written_block_by_block(target, monkeypatch):
    monkeypatch.setattr(archive, "_CHUNK", 2**12)
    monkeypatch.setattr(archive, "_BLOCK", 2**14)
    lazy = indexing.LazilyIndexedArray(Endless((1000, 1000)))
    dataset = xarray.Dataset({"loss": xarray.Variable(("run", "step"), lazy)})
    write_archive(dataset.isel(run=slice(2)), target)  # what is loaded once only
    tracemalloc.start()
    try:
        write_archive(dataset, target, overwrite=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < dataset.nbytes / 4
    assert reread(target)["loss"].mean() == 1


def test_numbers_are_compressed_in_the_file(tmp_path):
    write_archive(xarray.Dataset({"loss": (("run", "step"), np.zeros((100, 1000)))}), tmp_path / "out.nc")

    with netCDF4.Dataset(tmp_path / "out.nc") as file:
        filters = file["loss"].filters()
    assert (filters["zlib"], filters["shuffle"], filters["complevel"]) == (True, True, 1)
    assert (tmp_path / "out.nc").stat().st_size < 100_000


def test_what_is_there_is_replaced_only_on_request(made, target):
    write_archive(made, target)

    with pytest.raises(ResultsError, match=r"is there already.*overwrite=True"):
        write_archive(made, target)
    write_archive(made[["total"]], target, overwrite=True)

    assert list(reread(target).data_vars) == ["total"]
    assert [path.name for path in target.parent.iterdir()] == [target.name]


class Failing(Endless):
    def _make(self, key):
        raise OSError("the disk is gone")


def test_a_file_that_cannot_be_finished_is_not_there_at_all(target, made):
    lazy = indexing.LazilyIndexedArray(Failing((2, 2)))
    failing = xarray.Dataset({"a": ((), 1.0), "loss": xarray.Variable(("run", "step"), lazy)})

    with pytest.raises(ResultsError, match=r"out.* cannot be written: the disk is gone"):
        write_archive(failing, target)
    assert list(target.parent.iterdir()) == []

    write_archive(made, target)
    with pytest.raises(ResultsError):
        write_archive(failing, target, overwrite=True)
    assert reread(target)["total"] == 3
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_what_was_there_comes_back_if_it_cannot_be_replaced(target, made, monkeypatch):
    write_archive(made, target)

    def rename(self, other):
        if other == target and not self.name.endswith(".old"):
            raise OSError("the disk is gone")
        return os.rename(self, other)  # noqa: PTH104 - that of pathlib is what is replaced here

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(Path, "replace", rename)
    with pytest.raises(ResultsError, match="the disk is gone"):
        write_archive(made[["total"]], target, overwrite=True)
    assert set(reread(target).data_vars) == set(made.data_vars)
    assert [path.name for path in target.parent.iterdir()] == [target.name]


class Changed(Endless):
    def _make(self, key):
        return super()._make(key).astype(object if self.dtype == np.float64 else np.float64)


@pytest.mark.parametrize("dtype", [np.int64, np.bool_])
def test_numbers_that_do_not_fit_any_more_are_refused(target, dtype):
    array = Changed((2, 2))
    array.dtype = np.dtype(dtype)
    dataset = xarray.Dataset({"n": xarray.Variable(("run", "step"), indexing.LazilyIndexedArray(array))})

    with pytest.raises(ResultsError, match="changed while they were read"):
        write_archive(dataset, target)


def test_other_suffixes_are_refused(made, tmp_path):
    with pytest.raises(ResultsError, match=r"ends in \.nc or in \.zarr"):
        write_archive(made, tmp_path / "out.csv")


def test_a_directory_that_is_not_there_is_said(made, tmp_path):
    with pytest.raises(ResultsError, match=r"no/out\.nc cannot be written"):
        write_archive(made, tmp_path / "no" / "out.nc")


def test_without_zarr_it_says_what_to_install(made, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)

    with pytest.raises(ResultsError, match=r"pip install typedxp\[zarr\]"):
        write_archive(made, tmp_path / "out.zarr")
