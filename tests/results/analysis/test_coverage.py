import warnings

import numpy as np
import pytest
import xarray

from typedxp.errors import ResultsError
from typedxp.results.analysis.coverage import check_complete, coverage, warn_of_versions
from typedxp.results.problems import ResultsWarning


@pytest.fixture
def sweep():
    """Two learning rates by three seeds: a run of the second one failed, and one is not there."""
    status = np.array([["completed"] * 3, ["completed", "failed", "missing"]])
    code = np.array([["aaaa", "aaaa", "aaaa"], ["aaaa", "bbbb+", ""]])
    return xarray.Dataset(
        {"loss": (("lr", "seed"), np.arange(6.0).reshape(2, 3))},
        {
            "lr": ("lr", [0.1, 0.01], {"key": "optimizer.lr"}),
            "seed": ("seed", [0, 1, 2], {"key": "seed"}),
            "run": (("lr", "seed"), [[1, 2, 3], [4, 5, -1]]),
            "status": (("lr", "seed"), status),
            "code": (("lr", "seed"), code),
        },
    )


def test_each_cell_tells_how_many_runs_it_has(sweep):
    counts = coverage(sweep, "seed")

    assert counts["completed"].values.tolist() == [3, 1]
    assert counts["present"].values.tolist() == [3, 2]
    assert counts["expected"].values.tolist() == [3, 3]
    assert counts["lr"].values.tolist() == [0.1, 0.01]


def test_several_dimensions_are_counted_together(sweep):
    counts = coverage(sweep["loss"], ["lr", "seed"])

    assert {name: int(count) for name, count in counts.items()} == {"completed": 4, "present": 5, "expected": 6}


def test_a_dimension_without_runs_of_its_own_cannot_be_counted(sweep):
    with pytest.raises(ResultsError, match=r"one run for all of train.step: count over some of lr, seed"):
        coverage(sweep.expand_dims({"train.step": 2}), "train.step")
    with pytest.raises(ResultsError, match="no coordinate 'status'"):
        coverage(sweep.drop_vars("status"), "seed")
    with pytest.raises(ResultsError, match=r"no dimension 'sed'. Did you mean seed?"):
        coverage(sweep, "sed")


def test_what_is_incomplete_is_refused_by_name(sweep):
    with pytest.raises(ResultsError) as refused:
        check_complete(sweep, "seed")

    assert str(refused.value) == (
        "2 of 6 points have no completed run:\n"
        "  lr=0.01: run 5 (seed=1) is failed, a run (seed=2) is missing\n"
        "Run or select what is missing, or leave out complete=True."
    )
    check_complete(sweep.sel(lr=0.1), "seed")
    check_complete(sweep.sel(lr=0.01, seed=0), ())


def test_what_is_incomplete_in_a_list_of_runs_is_told_by_its_keys(sweep):
    listed = sweep.stack(run_=("lr", "seed")).reset_index("run_")
    for name in ("lr", "seed"):
        listed[name].attrs["key"] = name

    with pytest.raises(ResultsError, match=r"lr=0.01, seed=1: run 5 is failed") as refused:
        check_complete(listed, "run_")
    assert "lr=0.01, seed=2: a run is missing" in str(refused.value)


def test_much_that_is_incomplete_is_told_in_short(sweep):
    many = sweep.isel(lr=[1] * 7).assign_coords(lr=range(7)).isel(seed=[1] * 8).assign_coords(seed=range(8))

    with pytest.raises(ResultsError, match=r"56 of 56 points have no completed run") as refused:
        check_complete(many, "seed")

    assert "run 5 (seed=4) is failed, ...\n  lr=1" in str(refused.value)
    assert "lr=5" not in str(refused.value)
    assert "\n  ...\n" in str(refused.value)


def test_runs_of_different_code_are_told_once(sweep):
    with pytest.warns(ResultsWarning, match=r"averaged over seed: aaaa: 1-4; bbbb\+: 5\."):
        warn_of_versions(sweep, "seed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_versions(sweep, "seed")
        warn_of_versions(sweep["loss"], ["seed"])


def test_other_data_is_told_again(sweep):
    for data in (sweep, sweep.copy(deep=True)):
        with pytest.warns(ResultsWarning, match="different versions"):
            warn_of_versions(data, "seed")


def test_code_that_does_not_differ_within_a_cell_is_no_concern(sweep):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_versions(sweep.sel(lr=0.1), "seed")
        warn_of_versions(sweep.isel(seed=[0, 2]), "seed")
        warn_of_versions(sweep.drop_vars("code"), "seed")
        warn_of_versions(sweep.expand_dims({"train.step": 2}), "train.step")


def test_code_without_runs_is_told_by_its_versions(sweep):
    with pytest.warns(ResultsWarning, match=r"averaged over lr, seed: aaaa, bbbb\+\."):
        warn_of_versions(sweep.drop_vars("run"), ["lr", "seed"])
