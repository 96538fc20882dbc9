import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp import open_results
from typedxp.results.variables import arrays
from typedxp.results.variables.rows import make_column


@pytest.mark.parametrize(
    ("values", "dtype", "read"),
    [
        ([1, 2], "int64", [1, 2]),
        ([1, -(2**63)], "int64", [1, -(2**63)]),
        ([True, False], "bool", [True, False]),
        ([1.5, 2.5], "float64", [1.5, 2.5]),
        ([1, 2.5], "float64", [1, 2.5]),
        ([True, 3], "float64", [1, 3]),
        ([1, None], "float64", [1, np.nan]),
        ([None, True], "float64", [np.nan, 1]),
        ([None, None], "float64", [np.nan, np.nan]),
        ([np.inf, np.nan], "float64", [np.inf, np.nan]),
        ([1, 2**63], "float64", [1, 2.0**63]),
        ([1, -(10**400)], "float64", [1, -np.inf]),
        (["good", "bad"], "object", ["good", "bad"]),
        (["good", 1], "object", ["good", 1]),
        (["good", None], "object", ["good", None]),
    ],
)
def test_a_metric_has_the_narrowest_type_that_holds_all_values(store, values, dtype, read):
    store.add({}, [{"value": value} for value in values])

    variable = open_results(store.path)["train.value"]

    assert variable.dtype == dtype
    assert variable.load().dtype == dtype
    np.testing.assert_array_equal(variable.values, np.array(read, dtype))


@pytest.mark.parametrize("ragged", [[{"n": 1}, {"n": 2}, {"n": 3}], [{"n": 1}, {"m": 2}], [{"m": 1}, {"m": 2}], []])
def test_integers_are_floats_where_a_value_is_missing(store, ragged):
    store.add({"seed": 0}, [{"n": 1}, {"n": 2}])
    store.add({"seed": 1}, ragged)

    variable = open_results(store.path)["train.n"]

    assert variable.dtype == np.float64
    assert variable.sel(seed=0).values[:2].tolist() == [1, 2]
    assert np.isnan(variable.load()).sum() == variable.size - 2 - sum("n" in record for record in ragged)


def test_integers_are_floats_where_a_point_is_missing(store):
    for point in ({"lr": 1, "seed": 0}, {"lr": 1, "seed": 1}, {"lr": 2, "seed": 0}):
        store.add(point, [{"n": 7}])

    variable = open_results(store.path)["train.n"]

    assert variable.dtype == np.float64
    np.testing.assert_array_equal(variable.values, [[[7], [7]], [[7], [np.nan]]])


@pytest.mark.parametrize("declared", ["int64", "bool", "float64", "object"])
@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), max_size=4))
def test_no_value_is_changed_by_the_type_that_was_promised(declared, values):
    column = make_column(values, np.dtype(declared))

    assert len(column) == len(values)
    for value, read in zip(values, column.tolist(), strict=True):
        if value is None:
            assert read is None or np.isnan(read)
        elif isinstance(value, str) or column.dtype == object:
            assert read is value
        else:
            np.testing.assert_equal(float(read), float(str(int(value) if isinstance(value, bool) else value)))


KEYS = [
    (0, 0, 0),
    (slice(None), 1, slice(None)),
    (slice(1, None), slice(None, None, 2), 1),
    (slice(None), [2, 0], slice(None)),
    ([1, 0], [0, 2], [1]),
    ([1, 1], slice(None), slice(None, None, -1)),
    (slice(None), [], slice(None)),
    (slice(0, 0), 0, 0),
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("metric", ["train.loss", "train.epoch"])
def test_a_selection_is_what_it_is_of_the_loaded_array(grid, key, metric):
    lazy = open_results(grid.path)[metric]
    loaded = lazy.copy().load()
    selected = dict(zip(loaded.dims, key, strict=True))

    assert lazy.isel(selected).identical(loaded.isel(selected))


def test_points_are_selected_one_by_one(grid):
    import xarray

    pairs = {"lr": xarray.DataArray([0.1, 0.01], dims="pair"), "seed": xarray.DataArray([2, 1], dims="pair")}

    assert open_results(grid.path)["train.loss"].sel(pairs).isel({"train.step": 0}).values.tolist() == [12, 2]


def test_results_can_be_pickled_unread_and_read_afterwards(grid):
    results = open_results(grid.path)

    assert pickle.loads(pickle.dumps(results)).identical(results.load())


@pytest.mark.parametrize("chunks", [{}, {"seed": 2}, "auto", {"lr": 1, "seed": -1}])
def test_dask_reads_the_same(grid, chunks):
    expected = open_results(grid.path)["train.loss"].mean("seed")

    results = open_results(grid.path, chunks=chunks)

    assert results["train.loss"].chunks is not None
    np.testing.assert_array_equal(results["train.loss"].mean("seed").values, expected.values)


def test_a_chunk_is_of_neighbouring_runs(grid, monkeypatch):
    assert open_results(grid.path, chunks={})["train.loss"].chunks == ((2,), (3,), (2,))

    monkeypatch.setattr(arrays, "_CHUNK", 2 * 2 * 8)

    assert open_results(grid.path, chunks={})["train.loss"].chunks == ((1, 1), (2, 1), (2,))
