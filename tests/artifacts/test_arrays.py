"""What is recorded of arrays: types, shapes and dimensions, declared or not, in records and in the list of a run."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
import xarray as xr

from typedxp.artifacts.kept import list_arrays
from typedxp.errors import RecordError, ResultsError
from typedxp.stages.record import Run
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.artifacts import ArrayHeader, KeptFile
from typedxp.vocabulary.records import RunStatus, Status


@pytest.fixture
def run(tmp_path):
    (tmp_path / "1").mkdir()
    return Run(tmp_path / "1")


def test_an_array_is_recorded_with_its_type_shape_and_declared_dimensions(run):
    record = run.log_artifact(np.ones((2, 3), "f4"), "model/weights", dims=("layer", "unit"))

    assert record.arrays == {"": ArrayHeader("<f4", (2, 3), ("layer", "unit"))}
    assert run._artifacts.record("model/weights").arrays == record.arrays


def test_dimensions_that_nobody_named_are_those_of_the_artifact_by_number(run):
    record = run.log_artifact(np.ones((2, 3)), "model/weights")

    assert record.arrays[""].dims == ("model.weights.dim_0", "model.weights.dim_1")


def test_of_named_arrays_some_may_have_declared_dimensions(run):
    arrays = {"w": np.ones((2, 3)), "b/c": np.arange(3, dtype="i2")}

    record = run.log_artifact(arrays, "model.npz", dims={"w": ["layer", "unit"]})

    assert record.arrays == {
        "w": ArrayHeader("<f8", (2, 3), ("layer", "unit")),
        "b/c": ArrayHeader("<i2", (3,), ("model.b.c.dim_0",)),
    }


def test_one_name_is_enough_for_one_dimension_and_none_for_none(run):
    assert run.log_artifact(np.ones(3), "a", dims="unit").arrays[""].dims == ("unit",)
    assert run.log_artifact(np.float32(3), "b.npy", dims=()).arrays[""] == ArrayHeader("<f4", (), ())


def test_labelled_arrays_bring_their_dimensions_names_and_units(run):
    values = xr.DataArray([1.0, 2.0], dims="x", coords={"x": [10, 20]}, attrs={"units": "K", "long_name": "warmth"})
    dataset = xr.Dataset({"t": values, "when": ("day", np.array(["2026-01-01"], "M8[ns]"))})

    assert run.log_artifact(values, "one.nc").arrays == {
        "": ArrayHeader("<f8", (2,), ("x",), "warmth", "K"),
        "x": ArrayHeader("<i8", (2,), ("x",)),
    }
    assert run.log_artifact(dataset, "all.nc").arrays == {
        "t": ArrayHeader("<f8", (2,), ("x",), "warmth", "K"),
        "when": ArrayHeader("<M8[ns]", (1,), ("day",)),
        "x": ArrayHeader("<i8", (2,), ("x",)),
    }


@pytest.mark.parametrize(
    ("value", "name", "dims", "message"),
    [
        (np.ones(3), "a", ("x", "y"), "there are 2 names for 1 dimensions"),
        (np.ones((2, 2)), "a", ("x", "x"), "not all different"),
        (np.ones(3), "a", (1,), "no names"),
        (np.ones(3), "a", ("",), "no names"),
        (np.ones(3), "a", {"x"}, "give a tuple of names"),
        (np.ones(3), "a", {"a": ("x",)}, "holds one array"),
        ({"a": np.ones(3)}, "a.npz", ("x",), "arrays by name"),
        ({"alpha": np.ones(3)}, "a.npz", {"alhpa": ("x",)}, "alpha"),
        ({"a": 1}, "a.json", ("x",), "no array"),
        (xr.DataArray([1.0]), "a.nc", ("x",), "dimensions of their own"),
    ],
)
def test_dimensions_that_do_not_fit_are_refused_before_anything_is_written(run, value, name, dims, message):
    with pytest.raises(RecordError, match=message):
        run.log_artifact(value, name, dims=dims)

    assert not (run.directory / "artifacts").exists()


def test_the_headers_of_copied_files_are_read(run, tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 3), "u1"))
    np.savez_compressed(tmp_path / "b.npz", x=np.arange(4.0))
    xr.Dataset({"t": ("x", [1.0])}).to_netcdf(tmp_path / "c.nc")

    assert run.log_artifact(tmp_path / "a.npy", "a", dims=("u", "v")).arrays[""] == ArrayHeader(
        "|u1", (2, 3), ("u", "v")
    )
    assert run.log_artifact(tmp_path / "a.npy", "a.dat", kind="npy").arrays[""].shape == (2, 3)
    assert run.log_artifact(tmp_path / "b.npz", "b").arrays == {"x": ArrayHeader("<f8", (4,), ("b.x.dim_0",))}
    assert run.log_artifact(tmp_path / "c.nc", "c").arrays == {"t": ArrayHeader("<f8", (1,), ("x",))}


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.nc"])
def test_a_copied_file_that_is_not_what_it_is_called_is_kept_without_arrays(run, tmp_path, name):
    (tmp_path / name).write_text("nothing of the kind")

    assert run.log_artifact(tmp_path / name, name).arrays == {}
    with pytest.raises(RecordError, match=r"no array|dimensions of their own"):
        run.log_artifact(tmp_path / name, name, dims=("x",))


def test_pickled_objects_and_fields_are_no_arrays_of_ours(run, tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", o=np.array([{}], object), f=np.zeros(1, "i4,f4"), x=np.ones(1))

    assert run.log_artifact(tmp_path / "objects.npy", "objects.npy").arrays == {}
    assert list(run.log_artifact(tmp_path / "objects.npz", "objects.npz").arrays) == ["x"]


def test_a_header_that_promises_more_than_its_file_holds_is_not_believed(run, tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    (tmp_path / "a.npy").write_bytes(header.getvalue())
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())

    assert run.log_artifact(tmp_path / "a.npy", "a.npy").arrays == {}
    assert run.log_artifact(tmp_path / "a.npz", "a.npz").arrays == {}


def test_the_artifacts_that_hold_arrays_are_listed_with_their_files(run):
    run.log_artifact(np.ones(3), "model/weights", dims=("unit",))
    run.log_artifact({"a": 1}, "settings.json")

    header = ArrayHeader("<f8", (3,), ("unit",))
    assert list_arrays(run.directory) == {
        "model/weights.npy": KeptFile("npy", "artifacts/model/weights.npy", {"": header})
    }


def test_a_run_without_artifacts_has_none_listed_and_gets_no_directory(run):
    assert list_arrays(run.directory) == {}
    assert not (run.directory / "artifacts").exists()


def test_an_artifact_whose_record_is_damaged_is_not_listed(run):
    run.log_artifact(np.ones(3), "good")
    run.log_artifact(np.ones(3), "bad")
    (run.directory / "artifacts/.bad.npy.json").write_text("{")

    assert list(list_arrays(run.directory)) == ["good.npy"]


@pytest.mark.parametrize(
    "change",
    [{"dtype": "<f8,<f8"}, {"dtype": 8}, {"shape": [-1]}, {"shape": [3, 3]}, {"dims": [7]}, {"dims": None}],
)
def test_a_record_whose_arrays_make_no_sense_is_damaged(run, change):
    run.log_artifact(np.ones(3), "a")
    file = run.directory / "artifacts/.a.npy.json"
    document = json.loads(file.read_text())
    document["arrays"][""] |= change
    file.write_text(json.dumps(document))

    with pytest.raises(ResultsError, match="damaged"):
        run._artifacts.record("a")


def test_a_record_of_before_arrays_were_recorded_has_none(run):
    run.log_artifact(np.ones(3), "a")
    file = run.directory / "artifacts/.a.npy.json"
    document = json.loads(file.read_text())
    del document["arrays"]
    file.write_text(json.dumps(document))

    assert run._artifacts.record("a").arrays == {}
    assert run.load_artifact("a").shape == (3,)


def test_a_status_keeps_the_list_and_an_old_one_has_none(run):
    run.log_artifact({"x": np.ones(3), "y": np.ones((2, 2))}, "a.npz", dims={"x": ("unit",)})
    files = RunDirectory(run.directory)
    files.write_status(Status(RunStatus.COMPLETED, arrays=list_arrays(run.directory)))

    assert files.read_status().arrays == list_arrays(run.directory) != {}

    document = json.loads(files.status_file.read_text())
    del document["arrays"]
    files.status_file.write_text(json.dumps(document))
    assert files.read_status().arrays == {}
