"""Reading arrays in artifacts through real files of real runs: types, missing values, parts, and what went wrong."""

from __future__ import annotations

import builtins
import pickle
import tracemalloc
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xarray.core import indexing

from typedxp.results.problems import ResultsWarning
from typedxp.results.variables.kept import Kept, find_kept, kept_files
from typedxp.results.variables.kept_arrays import KeptArray, common_type
from typedxp.stages.record import Run
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.records import RunStatus, Status


def find_files(directory):
    """Find what a killed run kept, with absolute files as a table of runs gives them."""
    found = kept_files(RunDirectory(directory), Status(RunStatus.RUNNING))
    return {name: replace(kept, file=f"{directory}/{kept.file}") for name, kept in found.items()}


class Runs:
    """Real runs that kept an array each, or nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.directories: list[Path] = []

    def keep(self, *values, name="a", dims=None):
        for value in values:
            directory = self.path / str(len(self.directories) + 1)
            directory.mkdir(parents=True)
            self.directories.append(directory)
            if value is not None:
                Run(directory).log_artifact(value, name, dims=dims)
        return self

    def open(self, variable="a", grid=None):
        files = [find_files(path) for path in self.directories]
        kept = find_kept(files, ())[variable]
        array = KeptArray(kept, np.arange(len(files)) if grid is None else np.array(grid))
        dims = (*(f"key{axis}" for axis in range(array.grid.ndim)), *kept.dims)
        return xr.Variable(dims, indexing.LazilyIndexedArray(array), array.attrs)

    def file(self, run, name="a.npy"):
        return self.directories[run - 1] / "artifacts" / name


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path / "logs")


def same(variable, expected):
    np.testing.assert_array_equal(variable.values, np.asarray(expected))
    return variable.dtype


def test_arrays_of_one_shape_are_stacked_as_they_are(runs):
    first, second = np.arange(6, dtype="i2").reshape(2, 3), np.ones((2, 3), "i2")

    variable = runs.keep(first, second, dims=("layer", "unit")).open()

    assert variable.dims == ("key0", "layer", "unit")
    assert same(variable, [first, second]) == np.int16
    assert "note" not in variable.attrs


def test_ragged_arrays_end_in_missing_values(runs):
    variable = runs.keep(np.ones((1, 2), "f4"), np.zeros((2, 1), "f4")).open()

    nan = np.nan
    assert same(variable, [[[1, 1], [nan, nan]], [[0, nan], [0, nan]]]) == np.float32


@pytest.mark.parametrize("value", [np.array([1, 2], "u1"), np.array([True, False])])
def test_integers_and_truths_become_floats_where_anything_is_missing_and_say_so(runs, value):
    variable = runs.keep(value, None).open()

    assert same(variable, [value.astype(float), [np.nan, np.nan]]) == np.float64
    assert "as floats" in variable.attrs["note"]


def test_times_that_are_missing_are_no_times(runs):
    times = np.array(["2026-01-01", "2026-01-02"], "M8[D]")

    variable = runs.keep(times, None, name="a.npy").open()

    assert np.isnat(variable.values).tolist() == [[False, False], [True, True]]
    assert variable.values[0, 1] == np.datetime64("2026-01-02")


def test_text_and_what_has_nothing_in_common_are_objects_and_none(runs):
    variable = runs.keep(np.array(["ab", "c"]), np.array([1.5]), None).open()

    assert variable.values.tolist() == [["ab", "c"], [1.5, None], [None, None]]


def test_a_single_text_is_text(runs):
    assert runs.keep(np.array("ab"), np.array("abc"), name="a.npy").open().values.tolist() == ["ab", "abc"]


def test_arrays_of_different_precision_and_byte_order_come_together(runs):
    variable = runs.keep(np.array([1], ">f4"), np.array([2], "<f8"), np.array([3], "<i4")).open()

    assert same(variable, [[1], [2], [3]]) == np.dtype("=f8")


def test_points_without_a_run_are_missing(runs):
    variable = runs.keep(np.array([1.0, 2.0]), np.array([3.0, 4.0])).open(grid=[[0, -1], [1, -1]])

    nan = np.nan
    same(variable, [[[1, 2], [nan, nan]], [[3, 4], [nan, nan]]])


def test_arrays_by_name_are_variables_each(runs):
    runs.keep({"w": np.ones(2), "b/c": np.zeros(1)}, {"w": np.ones(3)}, name="m.npz")

    same(runs.open("m.w"), [[1, 1, np.nan], [1, 1, 1]])
    same(runs.open("m.b.c"), [[0], [np.nan]])


def test_labelled_arrays_are_decoded(runs):
    dataset = xr.Dataset(
        {
            "when": ("x", np.array(["2026-01-01", "NaT"], "M8[ns]")),
            "name": ("x", ["a", "bc"]),
            "good": ("x", [True, False]),
            "warm": ("x", [1.5, np.nan], {"units": "K"}),
        },
        coords={"x": [10, 20]},
    )
    runs.keep(dataset, name="sky.nc")

    for name, variable in dataset.variables.items():
        opened = runs.open(f"sky.{name}")
        assert opened.dims == ("key0", "x")
        np.testing.assert_array_equal(opened.values[0], variable.values)
    assert runs.open("sky.warm").attrs["units"] == "K"


def test_a_labelled_array_alone_is_called_by_its_artifact(runs):
    runs.keep(xr.DataArray([1.0, 2.0], dims="x", coords={"x": [10, 20]}, name="other"), name="sky.nc")

    same(runs.open("sky"), [[1, 2]])
    same(runs.open("sky.x"), [[10, 20]])


# Without empty slices that go downwards, at which xarray itself fails.
keys = st.one_of(
    st.integers(-4, 3),
    st.slices(4).filter(lambda item: (item.step or 1) > 0 or len(range(*item.indices(4))) > 0),
    st.lists(st.integers(-4, 3), max_size=6).map(lambda positions: np.array(positions, int)),
)


@pytest.fixture(scope="module")
def ragged(tmp_path_factory):
    """An array of three runs in each format, and the same in memory."""
    made = {}
    for suffix in (".npy", ".npz", ".nc"):
        runs = Runs(tmp_path_factory.mktemp("runs"))
        values = np.full((4, 4, 4), np.nan)
        for place, shape in enumerate([(4, 2), (3, 4), (1, 1)]):
            part = np.random.default_rng(place).normal(size=shape)
            values[place, : shape[0], : shape[1]] = part
            kinds = {".npy": part, ".npz": {"a": part}, ".nc": xr.DataArray(part, dims=("x", "y"))}
            runs.keep(kinds[suffix], name=f"a{suffix}")
        runs.keep(None)
        made[suffix] = runs.open("a.a" if suffix == ".npz" else "a"), values
    return made


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".nc"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.tuples(keys, keys, keys))
def test_any_part_is_what_it_is_in_memory(ragged, suffix, key):
    variable, values = ragged[suffix]

    expected = xr.Variable(variable.dims, values)[key]
    np.testing.assert_array_equal(variable[key].values, expected.values)


def test_only_the_runs_that_are_asked_for_are_read(runs):
    variable = runs.keep(np.array([1.0]), np.array([2.0]), np.array([3.0])).open()
    for run in (1, 3):
        runs.file(run).unlink()

    assert variable[1].values.tolist() == [2.0]


def test_opening_reads_no_file_of_arrays(runs):
    runs.keep(np.array([1.0]))
    runs.file(1).write_bytes(b"")

    assert runs.open().shape == (1, 1)


def test_of_a_mapped_file_only_the_part_comes_into_memory(runs):
    directory = runs.keep(np.zeros(1)).directories[0]
    large = np.lib.format.open_memmap(directory / "large.npy", "w+", "f8", (1000, 10_000))
    del large
    kept = find_kept([find_files(directory)], ())["a"]
    header = replace(kept.stored[0].header, shape=(1000, 10_000), dims=("x", "y"))
    moved = replace(kept.stored[0], path=str(directory / "large.npy"), header=header)
    array = KeptArray(Kept(("x", "y"), header.shape, {}, (moved,)), np.zeros((), int))
    variable = xr.Variable(("x", "y"), indexing.LazilyIndexedArray(array))

    tracemalloc.start()
    assert variable[3, [5, 2]].values.tolist() == [0, 0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 20_000_000


def test_of_netcdf_only_the_part_is_read(runs):
    variable = runs.keep(xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("x", "y")), name="a.nc").open()

    assert variable[0, 1, ::2].values.tolist() == [3, 5]


def test_a_file_that_vanished_counts_as_missing_and_is_told_of_once(runs):
    variable = runs.keep(np.array([1, 2]), np.array([3, 4]), np.array([5, 6])).open()
    runs.file(1).unlink()
    runs.file(2).unlink()

    with pytest.warns(ResultsWarning, match=r"1/artifacts/a\.npy cannot be read") as told:
        values = variable.values

    assert len(told) == 1
    np.testing.assert_array_equal(values, [[np.nan, np.nan], [np.nan, np.nan], [5, 6]])


@pytest.mark.parametrize(
    ("value", "name"), [(np.ones(4), "a.npy"), ({"x": np.ones(4)}, "b.npz"), (xr.DataArray(np.ones(4)), "c.nc")]
)
@pytest.mark.parametrize("damage", ["empty", "short", "garbage"])
def test_a_damaged_file_counts_as_missing(runs, value, name, damage):
    runs.keep(value, name=name)
    variable = runs.open({"a.npy": "a", "b.npz": "b.x", "c.nc": "c"}[name])
    data = runs.file(1, name).read_bytes()
    # A new file, as netCDF may still have the old one open.
    runs.file(1, name).unlink()
    runs.file(1, name).write_bytes({"empty": b"", "short": data[: len(data) // 2], "garbage": b"x" * 500}[damage])

    with pytest.warns(ResultsWarning, match="cannot be read"):
        assert np.isnan(variable.values).all()


@pytest.mark.parametrize("other", [np.ones((2, 2)), np.ones(5), np.array([1 + 1j, 2]), np.array(["x", "y"])])
def test_an_array_that_was_replaced_by_another_one_counts_as_missing(runs, other):
    variable = runs.keep(np.array([1.0, 2.0])).open()
    Run(runs.directories[0]).log_artifact(other, "a")

    with pytest.warns(ResultsWarning, match="instead of"):
        assert np.isnan(variable.values).all()


def test_a_pickle_in_the_place_of_an_array_is_never_opened(runs):
    variable = runs.keep(np.array([1.0])).open()

    class Trap:
        def __reduce__(self):
            return builtins.exec, ("raise SystemExit('opened')",)

    runs.file(1).write_bytes(pickle.dumps(Trap()))
    with pytest.warns(ResultsWarning, match="cannot be read"):
        assert np.isnan(variable.values).all()

    np.save(runs.file(1), np.array([Trap()], object), allow_pickle=True)
    with warnings.catch_warnings(record=True):
        assert np.isnan(variable.values).all()


def test_an_array_travels_to_other_processes_as_paths(runs):
    runs.keep(np.arange(100_000.0), np.arange(100_000.0))
    files = [find_files(path) for path in runs.directories]
    array = KeptArray(find_kept(files, ())["a"], np.arange(2))

    data = pickle.dumps(array)

    assert len(data) < 5_000
    lazy = indexing.LazilyIndexedArray(pickle.loads(data))
    assert xr.Variable(("run", "x"), lazy)[1, -1].item() == 99_999


def test_dask_reads_the_same(runs):
    pytest.importorskip("dask")
    variable = runs.keep(np.arange(10.0), np.arange(12.0)).open()

    chunked = variable.chunk({"key0": 1})

    assert chunked.sum("key0", skipna=True).values[:3].tolist() == [0, 2, 4]
    assert float(chunked.mean(skipna=True).compute()) == pytest.approx((45 + 66) / 22)


@pytest.mark.parametrize(
    ("types", "whole", "together"),
    [
        (["<i4", "|b1"], True, "i4"),
        (["<i4"], False, "f8"),
        (["<f2"], False, "f2"),
        (["<f4", "<c8"], False, "c8"),
        (["<M8[D]", "<M8[s]"], False, "M8[s]"),
        (["<m8[s]", "<M8[s]"], True, "O"),
        (["<U3"], True, "O"),
        (["<i8", "<U3"], True, "O"),
        (["<f99"], True, "O"),
        ([], True, "f8"),
    ],
)
def test_arrays_have_the_narrowest_type_that_holds_them_all(types, whole, together):
    assert common_type(types, whole=whole) == np.dtype(together)
