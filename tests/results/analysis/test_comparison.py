import math
import sys

import numpy as np
import pytest
import scipy.stats
import xarray
from hypothesis import given
from hypothesis import strategies as st

from typedxp.errors import ResultsError
from typedxp.results.analysis.comparison import cohens_d, compare, hedges_g, holm
from typedxp.results.problems import ResultsWarning

NAN = math.nan
ADAM = np.array([1.0, 2.0, 3.0, 4.0, 6.0])
SGD = np.array([2.0, 2.5, 5.0, 4.5, 9.0])


@pytest.fixture
def losses():
    coords = {"optimizer": ["adam", "sgd"], "seed": range(5)}
    return xarray.DataArray([ADAM, SGD], coords, ("optimizer", "seed"), "test.loss")


def test_pairs_are_compared_by_their_differences(losses):
    [row] = compare(losses, "optimizer", "seed").to_dict("records")

    expected = scipy.stats.ttest_rel(ADAM, SGD)
    differences = ADAM - SGD
    assert (row["a"], row["b"], row["n_a"], row["n_b"]) == ("adam", "sgd", 5, 5)
    assert (row["mean_a"], row["mean_b"], row["difference"]) == pytest.approx((3.2, 4.6, -1.4))
    assert row["effect"] == pytest.approx(differences.mean() / differences.std(ddof=1))
    assert (row["statistic"], row["p"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert row["p_holm"] == row["p"]


def test_unpaired_values_are_compared_by_welch(losses):
    frame = compare(losses, "optimizer", "seed", paired=False)

    expected = scipy.stats.ttest_ind(ADAM, SGD, equal_var=False)
    assert (frame["statistic"][0], frame["p"][0]) == pytest.approx((expected.statistic, expected.pvalue))
    assert frame["effect"][0] == pytest.approx(hedges_g(ADAM, SGD))
    assert frame.attrs == {"test": "t", "paired": False, "effect": "Hedges g", "over": ["seed"]}


@pytest.mark.parametrize(
    ("paired", "test", "reference"),
    [(True, "wilcoxon", scipy.stats.wilcoxon), (False, "mannwhitney", scipy.stats.mannwhitneyu)],
)
def test_ranks_can_be_compared_instead(losses, paired, test, reference):
    frame = compare(losses, "optimizer", "seed", paired=paired, test=test)

    expected = reference(ADAM, SGD)
    assert (frame["statistic"][0], frame["p"][0]) == pytest.approx((expected.statistic, expected.pvalue))


def test_the_sizes_of_effects_are_those_computed_by_hand():
    # Differences 1, 2, 3: mean 2, deviation 1. Samples of deviation 1 and means 2 and 4: -2 * (1 - 3 / 15).
    assert cohens_d(np.array([1.0, 2.0, 3.0])) == pytest.approx(2)
    assert hedges_g(np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0])) == pytest.approx(-1.6)
    assert math.isnan(cohens_d(np.array([1.0])))
    assert math.isnan(cohens_d(np.array([0.1, 0.1 + 1e-17])))
    assert math.isnan(hedges_g(np.array([1.0, 1.0]), np.array([2.0, 2.0])))


def test_holm_is_computed_by_hand():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.02, NAN, 0.9])), [0.04, NAN, 0.9])
    np.testing.assert_allclose(holm(np.array([0.6, 0.7])), [1, 1])
    assert holm(np.array([])).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_between_nothing_and_bonferroni_and_keeps_the_order(p_values):
    given_values = np.array(p_values)
    corrected = holm(given_values)

    assert (corrected >= given_values).all()
    assert (corrected <= np.minimum(given_values * len(given_values), 1)).all()
    assert (np.diff(corrected[np.argsort(given_values, kind="stable")]) >= 0).all()


def test_only_pairs_with_both_present_count(losses):
    losses[0, 0] = losses[1, 4] = NAN

    paired = compare(losses, "optimizer", "seed")
    unpaired = compare(losses, "optimizer", "seed", paired=False)

    assert (paired["n_a"][0], paired["n_b"][0], paired["mean_a"][0]) == (3, 3, 3)
    assert (unpaired["n_a"][0], unpaired["n_b"][0], unpaired["mean_a"][0]) == (4, 4, 3.75)


def test_infinite_values_are_left_out_and_told(losses):
    losses[0, 4] = math.inf

    with pytest.warns(ResultsWarning, match=r"1 infinite values of test.loss are left out"):
        [row] = compare(losses, "optimizer", "seed").to_dict("records")
    assert (row["n_a"], row["mean_a"]) == (4, 2.5)


def test_all_pairs_of_all_other_cells_are_compared_and_corrected_together():
    values = np.random.default_rng(0).normal(size=(3, 2, 8)) + np.arange(3)[:, None, None]
    coords = {"optimizer": ["a", "b", "c"], "lr": [0.1, 0.2]}
    frame = compare(xarray.DataArray(values, coords, ("optimizer", "lr", "seed")), "optimizer", ["seed"])

    assert list(zip(frame["lr"], frame["a"], frame["b"], strict=True)) == [
        (lr, *pair) for lr in (0.1, 0.2) for pair in (("a", "b"), ("a", "c"), ("b", "c"))
    ]
    np.testing.assert_allclose(frame["p_holm"], holm(frame["p"].to_numpy()))
    assert frame["p"][5] == pytest.approx(scipy.stats.ttest_rel(values[1, 1], values[2, 1]).pvalue)


def test_several_dimensions_are_one_sample(losses):
    both = losses.expand_dims(data=[1, 2]) * xarray.DataArray([1.0, 2.0], dims="data")
    frame = compare(both, "optimizer", ["seed", "data"])

    assert frame["n_a"][0] == 10
    assert frame["p"][0] == pytest.approx(scipy.stats.ttest_rel([*ADAM, *2 * ADAM], [*SGD, *2 * SGD]).pvalue)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("values", [[[NAN, 1.0], [2.0, 3.0]], [[NAN, NAN], [NAN, NAN]], [[1.0, 2.0], [NAN, NAN]]])
def test_too_few_values_have_no_p_value_and_say_so(values, paired):
    array = xarray.DataArray(values, {"optimizer": ["a", "b"]}, ("optimizer", "seed"))

    with pytest.warns(ResultsWarning, match=r"1 of 1 comparisons have no p-value \(a and b\)"):
        frame = compare(array, "optimizer", "seed", paired=paired)

    assert frame[["p", "p_holm", "effect", "statistic"]].isna().all(axis=None)


def test_equal_differences_have_no_p_value(losses):
    losses[1] = losses[0] + 0.1

    with pytest.warns(ResultsWarning, match="values that do not vary"):
        frame = compare(losses, "optimizer", "seed")

    assert frame["difference"][0] == pytest.approx(-0.1)
    assert math.isnan(frame["p"][0])


@pytest.mark.parametrize(
    ("along", "over", "options", "message"),
    [
        ("optimiser", "seed", {}, "no dimension 'optimiser'. Did you mean optimizer?"),
        ("optimizer", "sead", {}, "no dimension 'sead'. Did you mean seed?"),
        ("optimizer", "optimizer", {}, "optimizer is compared"),
        ("optimizer", "seed", {"test": "wilcox"}, "cannot be 'wilcox'. Did you mean wilcoxon?"),
        ("optimizer", "seed", {"test": "wilcoxon", "paired": False}, "test of unpaired values cannot be 'wilcoxon'"),
    ],
)
def test_what_cannot_be_compared_is_refused(losses, along, over, options, message):
    with pytest.raises(ResultsError, match=message):
        compare(losses, along, over, **options)


def test_curves_and_single_labels_cannot_be_compared(losses):
    with pytest.raises(ResultsError, match=r"along train.step. Choose one: by .xp.last\(\)"):
        compare(losses.expand_dims({"train.step": 2}), "optimizer", "seed")
    with pytest.raises(ResultsError, match="optimizer has 1 label: two are needed"):
        compare(losses[:1], "optimizer", "seed")


def test_a_missing_scipy_is_told(losses, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)

    with pytest.raises(ResultsError, match=r"needs scipy.*pip install 'typedxp\[analysis\]'"):
        compare(losses, "optimizer", "seed")
