import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import xarray

import typedxp.results.accessor  # noqa: F401  # to import it is to register it
from typedxp import open_results
from typedxp.errors import ResultsError
from typedxp.results.analysis.figures import make_axes
from typedxp.results.problems import ResultsWarning
from typedxp.vocabulary.records import RunStatus


@pytest.fixture
def results(grid):
    """Two learning rates by three seeds, all completed: the loss is 100 * lr + seed, then 1 less."""
    opened = open_results(grid.path)
    code = xarray.full_like(opened["run"], "1a2b3c4d", dtype="<U9")
    return opened.assign_coords(code=code.drop_attrs(deep=False)).assign_attrs(runs="1-6", versions="1a2b3c4d: 1-6")


@pytest.fixture
def partial(store):
    """The second learning rate has a failed run, and lacks one."""
    for lr, seed, status in ((0.1, 0, "completed"), (0.1, 1, "completed"), (0.2, 0, "failed"), (0.3, 0, "completed")):
        store.add({"lr": lr, "seed": seed}, [{"loss": lr + seed}], RunStatus(status))
    return open_results(store.path)


def test_the_package_does_not_load_it():
    code = "import sys, typedxp; typedxp.open_results; print('typedxp.results.accessor' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert loaded.split() == ["False"]


def test_the_mean_of_the_last_step_is_two_words(results):
    mean = results.xp.last().xp.mean("seed")

    np.testing.assert_allclose(mean["train.loss"], [10, 1])
    np.testing.assert_array_equal(mean["train.epoch"], [1, 1])
    assert mean["lr"].attrs == {"key": "optimizer.lr"}


def test_spreads_skip_what_is_missing(partial):
    losses = partial["train.loss"].xp.last()

    with pytest.warns(ResultsWarning, match="Runs that did not complete count by what they logged last: 3"):
        np.testing.assert_allclose(losses.xp.mean("seed"), [0.6, 0.2, 0.3])
    np.testing.assert_allclose(losses.xp.std("seed"), [np.sqrt(0.5), np.nan, np.nan])
    np.testing.assert_allclose(losses.xp.sem("seed"), [0.5, np.nan, np.nan])
    assert losses.xp.coverage("seed")["completed"].values.tolist() == [2, 0, 1]


@pytest.mark.parametrize("status", ["running", "cancelled", "preempted", "out_of_memory"])
def test_runs_that_have_logged_a_part_are_told_when_they_are_averaged(store, status):
    store.add({"seed": 0}, [{"loss": 1.0}])
    store.add({"seed": 1}, [{"loss": 2.0}], RunStatus(status))

    with pytest.warns(ResultsWarning, match="Runs that did not complete count by what they logged last: 2"):
        assert open_results(store.path).xp.last().xp.mean("seed")["train.loss"] == 1.5


def test_runs_that_have_not_begun_are_no_news(store):
    store.add({"seed": 0}, [{"loss": 1.0}])
    for seed, status in ((1, RunStatus.PLANNED), (2, RunStatus.SUBMITTED)):
        store.add({"seed": seed}, [], status)

    assert open_results(store.path).xp.last().xp.mean("seed")["train.loss"] == 1.0


def test_a_complete_mean_is_refused_where_runs_are_missing(partial):
    with pytest.raises(ResultsError, match=r"lr=0.2: run 3 \(seed=0\) is failed, a run \(seed=1\) is missing"):
        partial.xp.mean("seed", complete=True)
    whole = partial.sel(lr=[0.1])
    xarray.testing.assert_identical(whole.xp.mean("seed", complete=True), whole.xp.mean("seed"))


def test_nothing_made_what_has_no_run_left(results):
    attrs = results.isel(seed=[])["train.loss"].xp.mean("seed").attrs

    assert (attrs["runs"], attrs["versions"]) == ("", "")


def test_the_best_of_no_step_is_refused(results):
    with pytest.raises(ResultsError, match=r"train.loss has nothing along train.step to choose from"):
        results.isel({"train.step": []})["train.loss"].xp.best("min")


def test_provenance_goes_through_reductions(results):
    kept = {name: results.attrs[name] for name in ("experiment", "store", "typedxp")}

    assert results.xp.mean("seed").attrs == {**kept, "runs": "1-6", "versions": "1a2b3c4d: 1-6"}
    one = results.sel(lr=0.01)
    assert one.xp.mean("seed").attrs == {**kept, "runs": "4-6", "versions": "1a2b3c4d: 4-6"}
    assert one["train.loss"].xp.mean("seed").attrs["runs"] == "4-6"
    assert one.xp.last().xp.ci("seed").xp.mean("bound").attrs["runs"] == "4-6"
    final = results.xp.last()
    assert final.xp.best("min", of="train.loss", by="lr").attrs["runs"] == "4-6"


def test_different_code_is_told_once_for_a_dataset(results):
    changed = results.assign_coords(code=results["code"].where(results["seed"] > 0, "2b3c4d5e+"))

    with pytest.warns(ResultsWarning, match=r"2b3c4d5e\+: 1,4; 1a2b3c4d: 2-3,5-6\.") as warned:
        changed.xp.mean("seed")
    assert warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        changed.xp.std("seed")
        changed["train.loss"].xp.ci("seed")
        changed.sel(seed=[1, 2]).xp.mean("seed")


def test_intervals_have_bounds(results):
    final = results.xp.last()
    bounds = final.xp.ci("seed", level=0.9)

    expected = scipy.stats.t.interval(0.9, 2, 10, 1 / np.sqrt(3))
    np.testing.assert_allclose(bounds["train.loss"].sel(lr=0.1), expected)
    assert bounds["bound"].values.tolist() == ["low", "high"]
    assert bounds["train.loss"].dims == ("lr", "bound")
    xarray.testing.assert_allclose(final["train.loss"].xp.ci("seed", level=0.9), bounds["train.loss"])


def test_intervals_can_be_resampled(results):
    bounds = results["train.loss"].xp.ci("seed", "bootstrap", resamples=500)

    assert bounds.dims == ("lr", "train.step", "bound")
    np.testing.assert_allclose(bounds.sel({"lr": 0.1, "train.step": 0}), [10, 12])
    with pytest.raises(ResultsError, match=r"cannot be 'boot'. Did you mean bootstrap"):
        results.xp.ci("seed", "boot")


def test_the_best_and_a_given_step_are_found(results):
    chosen = results.xp.best("min", of="train.loss")

    np.testing.assert_array_equal(chosen["train.epoch"], np.ones((2, 3)))
    assert results["train.loss"].xp.best("max").sel(lr=0.1).values.tolist() == [10, 11, 12]
    assert results.xp.at(1)["train.loss"].sel(lr=0.1).values.tolist() == [9, 10, 11]
    assert results["train.epoch"].xp.best("max", of=results["train.loss"]).values.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_the_variable_may_be_left_out_if_it_is_the_only_one(results):
    alone = results[["train.loss"]]

    assert alone.xp.best("min").identical(alone.xp.best("min", of="train.loss"))
    with pytest.raises(ResultsError, match=r"by of=...: there are train.epoch, train.loss"):
        results.xp.best("min")
    with pytest.raises(ResultsError, match=r"no variable 'train.los'. Did you mean train.loss"):
        results.xp.best("min", of="train.los")


def test_labels_are_compared(results):
    varied = results.xp.last().assign({"train.loss": lambda data: data["train.loss"] * (1 + data["lr"] * data["seed"])})

    frame = varied.xp.compare("lr", over="seed", of="train.loss")

    first, second = varied["train.loss"].values
    assert (frame["a"][0], frame["b"][0]) == (0.1, 0.01)
    assert frame["p"][0] == pytest.approx(scipy.stats.ttest_rel(first, second).pvalue)
    pd.testing.assert_frame_equal(frame, varied["train.loss"].xp.compare("lr", "seed"))


def test_text_is_left_out_of_means_of_datasets_and_refused_alone(results):
    noted = results.assign(note=(("lr", "seed"), np.array([["a", "b", "c"]] * 2, dtype=object)))

    assert set(noted.xp.mean("seed").data_vars) == {"train.epoch", "train.loss"}
    with pytest.raises(ResultsError, match="note holds no numbers"):
        noted["note"].xp.mean("seed")


def test_wrong_names_get_the_nearest_one(results):
    for data in (results, results["train.loss"]):
        with pytest.raises(ResultsError, match=r"no dimension 'sed'. Did you mean seed"):
            data.xp.mean("sed")
        with pytest.raises(ResultsError, match=r"cannot be 'mni'. Did you mean min"):
            data.xp.best("mni", **({"of": "train.loss"} if data is results else {}))


def test_tables_say_where_they_come_from(results):
    table = results.xp.last().xp.table("lr", (), "train.loss", over="seed")

    assert table.mean.to_numpy().ravel().tolist() == [10, 1]
    assert table.provenance.store == results.attrs["store"]
    assert table.provenance.runs == (1, 2, 3, 4, 5, 6)
    alone = results["train.loss"].xp.last().xp.table("lr", "seed")
    assert alone.mean.to_numpy().tolist() == [[9, 10, 11], [0, 1, 2]]


def test_curves_are_drawn_of_a_variable(results):
    axes = make_axes()

    drawn = results.xp.plot.curve("train.loss", hue="lr", over="seed", ax=axes)

    assert drawn is axes
    np.testing.assert_allclose([line.get_ydata() for line in axes.lines], [[11, 10], [2, 1]])
    alone = results["train.loss"].xp.plot.curve(hue="lr", over="seed", ax=make_axes())
    assert len(alone.lines) == 2
    with pytest.raises(ResultsError, match=r"no variable 'train.los'. Did you mean train.loss"):
        results.xp.plot.curve("train.los", over="seed")


def test_the_keys_that_vary_are_listed(results):
    assert results.xp.diff().to_dict("index") == {
        "seed": {"name": "seed", "different": 3, "values": [0, 1, 2]},
        "optimizer.lr": {"name": "lr", "different": 2, "values": [0.1, 0.01]},
    }
    assert results.sel(lr=0.1).xp.diff().index.tolist() == ["seed"]
    assert results.sel(lr=0.1, seed=0).xp.diff().empty


def test_the_runs_are_a_table(partial):
    wall = xarray.full_like(partial["run"], 1.5, dtype=float)
    frame = partial.assign_coords(wall=wall)["train.loss"].xp.runs

    assert frame.index.tolist() == [1, 2, 3, 4]
    assert frame.index.name == "run"
    assert {"status", "lr", "seed", "wall"} <= set(frame.columns)
    assert frame.loc[3, ["status", "lr", "seed", "wall"]].tolist() == ["failed", 0.2, 0, 1.5]


def test_a_point_has_a_table_of_one_run(results):
    [row] = results.sel(lr=0.01, seed=1).xp.runs.itertuples()

    assert (row.Index, row.status, row.lr, row.seed, row.code) == (5, "completed", 0.01, 1, "1a2b3c4d")


def test_chunks_stay_lazy(grid):
    chunked = open_results(grid.path, chunks={})

    mean = chunked.xp.last().xp.mean("seed")

    assert mean["train.loss"].chunks
    np.testing.assert_allclose(mean["train.loss"], [10, 1])
