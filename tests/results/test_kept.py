"""Which variables the arrays in artifacts are: names, dimensions, sizes and attributes, from what runs recorded."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from typedxp.artifacts.kept import list_arrays
from typedxp.results.problems import ResultsWarning
from typedxp.results.variables.kept import find_kept, kept_files
from typedxp.stages.record import Run
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.artifacts import ArrayHeader, KeptFile
from typedxp.vocabulary.records import RunStatus, Status


def kept(shape, dims, file="/logs/1/artifacts/a.npy", dtype="<f8", **texts):
    return KeptFile("npy", file, {"": ArrayHeader(dtype, shape, dims, **texts)})


def test_a_variable_is_called_by_its_artifact_and_its_name_in_it():
    header = ArrayHeader("<f8", (), ())
    files = {
        "model/weights.npy": kept((), ()),
        "model.npz": KeptFile("npz", "/m.npz", {"a/b": header, "c": header}),
        "sky.nc": KeptFile("dataarray", "/sky.nc", {"": header, "x": header}),
    }

    assert set(find_kept([files], ())) == {"model.weights", "model.a.b", "model.c", "sky", "sky.x"}


def test_a_name_that_is_taken_or_given_twice_is_followed_by_underscores():
    netcdf = KeptFile("dataarray", "/a.nc", {"": ArrayHeader("<f8", (), ())})

    found = find_kept([{"a.npy": kept((), ()), "a.nc": netcdf, "run.npy": kept((), ())}], {"run"})

    assert {name: array.attrs["artifact"] for name, array in found.items()} == {
        "a": "a.nc",
        "a_": "a.npy",
        "run_": "run.npy",
    }


def test_the_size_of_a_dimension_is_the_largest_of_all_arrays_that_have_it():
    runs = [
        {"w.npy": kept((2, 3), ("layer", "unit")), "b.npy": kept((7,), ("unit",))},
        {"w.npy": kept((4, 1), ("layer", "unit"))},
        {},
    ]

    found = find_kept(runs, ())

    assert (found["w"].dims, found["w"].sizes) == (("layer", "unit"), (4, 7))
    assert found["b"].sizes == (7,)
    assert [stored is not None for stored in found["b"].stored] == [True, False, False]


def test_a_dimension_is_never_called_as_a_variable_or_something_taken():
    files = {"unit.npy": kept((2, 2), ("unit", "seed")), "b.npy": kept((2,), ("seed_",))}

    found = find_kept([files], {"seed"})

    assert found["unit"].dims == ("unit_", "seed__")
    assert found["b"].dims == ("seed_",)


def test_the_last_run_says_what_dimensions_are_called():
    runs = [{"w.npy": kept((2,), ("w.dim_0",))}, {"w.npy": kept((3,), ("unit",))}]

    found = find_kept(runs, ())["w"]

    assert (found.dims, found.sizes) == (("unit",), (3,))
    assert all(found.stored)


@pytest.mark.parametrize("dims", [("unit",), ("unit", "layer")])
def test_arrays_with_other_dimensions_than_the_last_one_are_left_out_with_a_warning(dims):
    runs = [{"w.npy": kept((2,) * len(dims), dims, file="/old.npy")}, {"w.npy": kept((3, 3), ("layer", "unit"))}]

    with pytest.warns(ResultsWarning, match=r"1 runs have an array 'w' .*layer, unit.*/old\.npy"):
        found = find_kept(runs, ())["w"]

    assert found.stored[0] is None
    assert found.sizes == (3, 3)


def test_attributes_say_where_a_variable_comes_from_and_what_it_means():
    found = find_kept([{"m/w.npy": kept((), (), long_name="warmth", units="K")}], ())["m.w"]

    assert found.attrs == {"artifact": "m/w.npy", "kind": "npy", "long_name": "warmth", "units": "K"}


def test_what_is_no_file_of_arrays_is_no_variable():
    odd = KeptFile("someone-else", "/x", {"": ArrayHeader("<f8", (), ())})

    assert find_kept([{"x": odd}], ()) == {}
    assert find_kept([], ()) == {}


@pytest.fixture
def run(tmp_path):
    (tmp_path / "1").mkdir()
    run = Run(tmp_path / "1")
    run.log_artifact(np.ones(3), "w", dims=("unit",))
    return run


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.LOST, RunStatus.CANCELLED])
def test_what_a_killed_run_kept_is_found_beside_its_artifacts(run, status):
    found = kept_files(RunDirectory(run.directory), Status(status))

    assert found == {"w.npy": kept((3,), ("unit",), file="artifacts/w.npy")}


def test_of_a_completed_run_only_its_status_is_looked_at(run):
    files = RunDirectory(run.directory)
    arrays = list_arrays(run.directory)

    assert kept_files(files, Status(RunStatus.COMPLETED)) == {}
    assert set(kept_files(files, Status(RunStatus.COMPLETED, arrays=arrays))) == {"w.npy"}


@pytest.mark.parametrize("file", ["/etc/secret.npy", "../2/artifacts/w.npy"])
def test_a_status_cannot_lead_out_of_its_run(run, file):
    status = Status(RunStatus.COMPLETED, arrays={"w.npy": kept((3,), ("unit",), file=file)})

    assert kept_files(RunDirectory(run.directory), status) == {}


def test_coordinates_of_labelled_arrays_are_variables_of_their_own(run):
    run.log_artifact(xr.DataArray([1.0, 2.0], dims="x", coords={"x": [10, 20]}), "sky.nc")

    found = find_kept([kept_files(RunDirectory(run.directory), Status(RunStatus.RUNNING))], ())

    assert found["sky"].dims == found["sky.x"].dims == ("x",)
