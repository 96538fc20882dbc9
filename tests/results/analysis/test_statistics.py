import math
import sys

import numpy as np
import pytest
import scipy.stats
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from typedxp.errors import ResultsError
from typedxp.results.analysis import statistics

NAN = math.nan


@pytest.fixture
def losses():
    """Three learning rates by four seeds: all there, two missing, only one there."""
    values = [[1.0, 2.0, 3.0, 6.0], [NAN, 4.0, NAN, 8.0], [NAN, NAN, 5.0, NAN]]
    coords = {"lr": [0.1, 0.2, 0.3], "seed": range(4)}
    return xarray.DataArray(values, coords, ("lr", "seed"), "train.loss", {"units": "nat"})


def test_missing_values_are_skipped(losses):
    np.testing.assert_allclose(statistics.mean(losses, "seed"), [3, 6, 5])
    np.testing.assert_allclose(statistics.std(losses, "seed"), [math.sqrt(14 / 3), math.sqrt(8), NAN])
    np.testing.assert_allclose(statistics.sem(losses, "seed"), [math.sqrt(14 / 12), 2, NAN])


def test_names_labels_and_units_are_kept(losses):
    for result in (statistics.mean(losses, "seed"), statistics.std(losses, "seed"), statistics.sem(losses, "seed")):
        assert (result.name, result.attrs) == ("train.loss", {"units": "nat"})
        assert result["lr"].values.tolist() == [0.1, 0.2, 0.3]


def test_several_dimensions_are_one_sample(losses):
    present = [1, 2, 3, 6, 4, 8, 5]

    assert float(statistics.mean(losses, ["lr", "seed"])) == pytest.approx(np.mean(present))
    assert float(statistics.std(losses, ["lr", "seed"])) == pytest.approx(np.std(present, ddof=1))
    assert float(statistics.sem(losses, ("seed", "lr"))) == pytest.approx(scipy.stats.sem(present))


def test_nothing_there_gives_nan_without_a_warning():
    nothing = xarray.DataArray([[NAN, NAN]], dims=("lr", "seed"))

    for function in (statistics.mean, statistics.std, statistics.sem):
        assert np.isnan(function(nothing, "seed")).all()
    for kind in ("std", "sem", "ci", "bootstrap"):
        low, high = statistics.interval(nothing, "seed", kind=kind)
        assert np.isnan(low).all()
        assert np.isnan(high).all()


def test_a_run_that_diverged_gives_no_spread_and_no_warning():
    diverged = xarray.DataArray([[1.0, math.inf], [1.0, 3.0]], dims=("lr", "seed"))

    np.testing.assert_allclose(statistics.mean(diverged, "seed"), [math.inf, 2])
    np.testing.assert_allclose(statistics.std(diverged, "seed"), [NAN, math.sqrt(2)])


def test_integers_and_truths_have_means_and_spreads():
    assert float(statistics.std(xarray.DataArray([1, 2, 3], dims="seed"), "seed")) == 1
    truths = xarray.DataArray([True, False, True, False], dims="seed")
    assert float(statistics.mean(truths, "seed")) == 0.5
    assert float(statistics.std(truths, "seed")) == pytest.approx(math.sqrt(1 / 3))


def test_datasets_are_reduced_variable_by_variable(losses):
    both = xarray.Dataset({"a": losses, "b": losses * 2}, attrs={"experiment": "train"})

    spread = statistics.std(both, "seed")

    np.testing.assert_allclose(spread["b"], 2 * spread["a"])
    assert spread.attrs == {"experiment": "train"}
    assert spread["a"].attrs == {"units": "nat"}


def test_the_interval_of_student_is_that_of_scipy(losses):
    low, high = statistics.interval(losses, ["seed"], level=0.9)

    for lr, values in ((0.1, [1, 2, 3, 6]), (0.2, [4, 8])):
        expected = scipy.stats.t.interval(0.9, len(values) - 1, np.mean(values), scipy.stats.sem(values))
        np.testing.assert_allclose([low.sel(lr=lr), high.sel(lr=lr)], expected)
    assert np.isnan([low.sel(lr=0.3), high.sel(lr=0.3)]).all()


@pytest.mark.parametrize("kind", ["std", "sem"])
def test_an_interval_is_one_spread_to_both_sides(losses, kind):
    low, high = statistics.interval(losses, ["seed"], kind=kind)

    np.testing.assert_allclose((high + low) / 2, [3, 6, NAN])
    np.testing.assert_allclose((high - low) / 2, getattr(statistics, kind)(losses, "seed"))
    assert low.attrs == high.attrs == {"units": "nat"}


def test_the_bootstrap_agrees_with_that_of_scipy():
    values = np.random.default_rng(1).normal(size=(12, 3))
    array = xarray.DataArray(values, dims=("seed", "step"))

    low, high = statistics.interval(array, "seed", kind="bootstrap")

    expected = scipy.stats.bootstrap((values,), np.mean, axis=0, method="percentile", rng=2).confidence_interval
    np.testing.assert_allclose(low, expected.low, atol=0.03)
    np.testing.assert_allclose(high, expected.high, atol=0.03)


def test_the_bootstrap_draws_only_from_what_is_there(losses):
    low, high = statistics.interval(losses, "seed", kind="bootstrap")

    np.testing.assert_allclose(low, [low[0], 4, NAN])
    np.testing.assert_allclose(high, [high[0], 8, NAN])
    assert 1 < low[0] < 3 < high[0] < 6


def test_a_bootstrap_is_the_same_each_time_unless_asked_otherwise(losses):
    first, again = (statistics.interval(losses[0], "seed", kind="bootstrap", resamples=50) for _ in range(2))
    others = {
        float(statistics.interval(losses[0] ** 2.1, "seed", kind="bootstrap", resamples=50, rng=None)[0])
        for _ in range(20)
    }

    assert first[0].equals(again[0])
    assert first[1].equals(again[1])
    assert len(others) > 1


def test_many_resamples_of_many_columns_are_taken_block_by_block(monkeypatch):
    values = np.random.default_rng(0).normal(size=(5, 30))
    values[0, ::3] = NAN
    whole = statistics.bootstrap_means(values, 0.9, 200, 0)
    monkeypatch.setattr(statistics, "_BLOCK", 1000)

    np.testing.assert_allclose(statistics.bootstrap_means(values, 0.9, 200, 0), whole)


@pytest.mark.parametrize("kind", ["std", "sem", "ci", "bootstrap"])
def test_chunks_give_the_same_and_nothing_is_computed_before_it_is_needed(losses, kind):
    chunked = losses.chunk({"seed": 1})

    low, high = statistics.interval(chunked, "seed", kind=kind)

    assert low.chunks
    assert high.chunks
    for lazy, eager in zip((low, high), statistics.interval(losses, "seed", kind=kind), strict=True):
        xarray.testing.assert_allclose(lazy.compute(), eager)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"over": "sed"}, "no dimension 'sed'. Did you mean seed?"),
        ({"over": []}, "Name a dimension to go over. The dimensions are lr, seed."),
        ({"over": "seed", "kind": "bootstrp"}, "cannot be 'bootstrp'. Did you mean bootstrap?"),
        ({"over": "seed", "level": 95}, "between 0 and 1, as 0.95 is: not 95"),
        ({"over": "seed", "kind": "bootstrap", "resamples": 0}, "at least one resample: not 0"),
    ],
)
def test_what_cannot_be_is_refused(losses, options, message):
    with pytest.raises(ResultsError, match=message):
        statistics.interval(losses, **options)


def test_what_is_no_dimension_any_more_is_told_from_what_never_was_one(losses):
    with pytest.raises(ResultsError, match="Only seed = 2 is left of it"):
        statistics.mean(losses.sel(seed=2), "seed")
    listed = losses.stack(run=("lr", "seed")).reset_index("run")
    with pytest.raises(ResultsError, match="It is a coordinate along run"):
        statistics.mean(listed, "seed")


def test_a_missing_scipy_is_told(losses, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)

    with pytest.raises(ResultsError, match=r"needs scipy.*pip install 'typedxp\[analysis\]'"):
        statistics.interval(losses, "seed")
    assert not np.isnan(statistics.interval(losses[0], "seed", kind="bootstrap")[0])


numbers = st.floats(-1e6, 1e6) | st.just(NAN)


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 6)), elements=numbers))
def test_each_cell_has_the_statistics_of_its_values_that_are_there(values):
    array = xarray.DataArray(values, dims=("lr", "seed"))
    functions = (statistics.mean, statistics.std, statistics.sem)
    mean, spread, error = (function(array, "seed").values for function in functions)

    for row, *found in zip(values, mean, spread, error, strict=True):
        there = row[~np.isnan(row)]
        deviation = np.std(there, ddof=1) if len(there) > 1 else NAN
        expected = [np.mean(there) if len(there) else NAN, deviation, deviation / max(len(there), 1) ** 0.5]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
