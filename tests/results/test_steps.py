import numpy as np
import pytest

from typedxp import open_results
from typedxp.errors import ResultsError
from typedxp.results.problems import ResultsWarning
from typedxp.store.directory import RunDirectory


def records(steps, key="step"):
    return [{key: step, "loss": 100.0 - step} for step in steps]


@pytest.mark.parametrize("key", ["step", "epoch", "global_step", "iteration"])
def test_the_key_that_counts_the_records_is_the_coordinate_where_all_runs_agree(store, key):
    for seed in (0, 1):
        store.add({"seed": seed}, records([0, 100, 200, 999], key))

    results = open_results(store.path)

    assert results["train.step"].values.tolist() == [0, 100, 200, 999]
    assert results["train.step"].attrs == {"key": key}
    assert results["train.loss"].sel({"train.step": 999}, method="nearest").values.tolist() == [-899, -899]
    assert "train.step_" not in results


def test_runs_that_ended_early_have_the_beginning_of_the_steps(store):
    store.add({"seed": 0}, records([10, 20, 30]))
    store.add({"seed": 1}, records([10]))

    results = open_results(store.path)

    assert results["train.step"].values.tolist() == [10, 20, 30]
    np.testing.assert_array_equal(results["train.loss"].sel(seed=1), [90, np.nan, np.nan])


@pytest.mark.parametrize("second", [[1, 2, 3], [0, 1, 1], [0, 2, 4], [0.0, 1.0, 2.0]])
def test_where_runs_do_not_agree_the_records_are_counted(store, second):
    store.add({"seed": 0}, records([0, 1, 2]))
    store.add({"seed": 1}, records(second))

    results = open_results(store.path)

    assert results["train.step"].values.tolist() == [0, 1, 2]
    assert results["train.step"].attrs == {}
    assert results["train.step_"].sel(seed=1).values.tolist() == second


def test_no_metric_is_read_for_the_coordinate_of_finished_runs(store):
    run = store.add({}, records([5, 6]))
    size = run.stream("train").stat().st_size
    run.stream("train").write_bytes(b"?" * size)

    assert open_results(store.path)["train.step"].values.tolist() == [5, 6]


def test_streams_have_steps_of_their_own(store):
    for seed in (0, 1):
        store.add({"seed": seed}, {"train": records([0, 1]), "test": records([1 + seed]), "log": [{"note": "a"}]})

    results = open_results(store.path)

    assert {name: results[f"{name}.step"].values.tolist() for name in ("train", "test", "log")} == {
        "train": [0, 1],
        "test": [0],
        "log": [0],
    }


def test_records_are_aligned_by_a_key_on_request(store):
    store.add({"seed": 0}, records([0, 2, 4], "epoch"))
    store.add({"seed": 1}, records([1, 2], "epoch"))
    store.add({"seed": 2}, [])

    results = open_results(store.path, align="epoch")

    assert results["train.step"].values.tolist() == [0, 1, 2, 4]
    assert results["train.step"].attrs == {"key": "epoch"}
    missing = np.nan
    np.testing.assert_array_equal(
        results["train.loss"], [[100, missing, 98, 96], [missing, 99, 98, missing], [missing] * 4]
    )
    for _ in range(2):
        again = open_results(store.path, align="epoch")["train.loss"]
        np.testing.assert_array_equal(again.sel({"train.step": 2}), [98, 98, missing])


def test_aligned_integers_stay_integers_where_nothing_is_missing(store):
    for seed, steps in enumerate(([3, 1], [1, 3])):
        store.add({"seed": seed}, [{"epoch": step, "n": 10 * step} for step in steps])

    results = open_results(store.path, align="epoch")

    assert results["train.n"].dtype == np.int64
    assert results["train.n"].values.tolist() == [[10, 30], [10, 30]]


def test_of_records_with_the_same_value_the_last_one_is_shown(store):
    store.add({}, [{"epoch": 0, "loss": 2.0}, {"epoch": 0, "loss": 1.0}])

    with pytest.warns(ResultsWarning, match=r"train\.epoch repeats within runs"):
        results = open_results(store.path, align="epoch")

    assert results["train.loss"].values.tolist() == [1]


def test_what_nothing_can_be_aligned_by_is_refused(store):
    store.add({}, [{"epoch": 0, "note": "a"}])

    with pytest.raises(ResultsError, match=r"No stream has 'epochs'.* Did you mean epoch"):
        open_results(store.path, align="epochs")
    with pytest.raises(ResultsError, match="holds more than numbers"):
        open_results(store.path, align="note")


def test_runs_of_before_steps_were_summed_up_are_counted(store, monkeypatch):
    import dataclasses

    run = store.add({}, records([5, 6]))
    status = run.read_status()
    old = {name: dataclasses.replace(summary, steps=None) for name, summary in status.streams.items()}
    RunDirectory(run.path).write_status(dataclasses.replace(status, streams=old))

    results = open_results(store.path)

    assert results["train.step"].values.tolist() == [0, 1]
    assert results["train.step_"].values.tolist() == [5, 6]
