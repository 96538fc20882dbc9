import shutil

import numpy as np
import pandas as pd
import pytest

import typedxp.results.accessor  # noqa: F401  # to import it is to register it
from typedxp import open_results
from typedxp.artifacts.directory import Artifacts
from typedxp.errors import ResultsError
from typedxp.results.problems import ResultsWarning
from typedxp.vocabulary.records import RunStatus


@pytest.fixture
def results(store):
    for seed in range(3):
        run = store.add({"seed": seed}, {"train": [{"loss": 1.0 - seed}, {"loss": float("nan"), "note": "NaN?"}]})
        run.stdout.write_text(f"seed {seed}\n")
    run.stream("test").write_text('{"loss": "Infinity"}\n{"loss": 2.5')
    Artifacts(run.path / "artifacts").save(np.arange(3), "weights.npy")
    return open_results(store.path)


def test_the_run_behind_a_cell_tells_all(results, store):
    run = results.sel(seed=2).xp.run

    assert (run.id, run.path) == (3, store.path / "3")
    assert run.record.point == {"seed": 2}
    assert run.config == {}
    assert run.status.status is RunStatus.COMPLETED
    assert (run.stdout, run.stderr) == ("seed 2\n", "")
    assert repr(run) == f"<Run 3 in {store.path}>"


def test_the_artifacts_of_a_run_are_loaded_by_name(results):
    run = results.isel(seed=[2]).xp.run

    assert run.artifacts == ("weights.npy",)
    assert run.load_artifact("weights").tolist() == [0, 1, 2]
    with pytest.raises(ResultsError, match="no artifact"):
        run.load_artifact("biases")


def test_the_metrics_of_a_run_are_a_frame(results):
    frame = results.sel(seed=0).xp.run.metrics()

    expected = pd.DataFrame({"loss": [1.0, np.nan], "note": [np.nan, "NaN?"]})
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)


def test_text_that_reads_like_a_number_stays_text(store):
    run = store.add({"seed": 0}, [{"note": "Infinity", "loss": float("inf")}])

    frame = open_results(store.path).xp.run.metrics()

    assert frame["note"].tolist() == ["Infinity"]
    assert frame["loss"].tolist() == [np.inf]
    run.stream("train").write_text('{"note": "Infinity"}\n{"note": "well"}\n')
    assert open_results(store.path).xp.run.metrics()["note"].tolist() == ["Infinity", "well"]


def test_damaged_lines_of_a_run_are_told(store):
    run = store.add({"seed": 0}, [{"loss": 1.0}])
    run.stream("train").write_text('{"loss": 1.0}\n{"lo\n{"loss": 3.0}\n')

    handle = open_results(store.path).xp.run

    with pytest.warns(ResultsWarning, match=r"1/metrics/train.jsonl has 1 damaged line,"):
        assert handle.metrics()["loss"].tolist() == [1.0, 3.0]


def test_several_streams_are_told_apart(results):
    run = results.sel(seed=2).xp.run

    assert run.streams == ("test", "train")
    assert run.metrics("test")["loss"].tolist() == [np.inf]
    with pytest.raises(ResultsError, match=r"Say which stream of run 3 is meant: test, train"):
        run.metrics()
    with pytest.raises(ResultsError, match=r"no stream 'tran'. Did you mean train"):
        run.metrics("tran")


def test_a_selection_after_a_choice_still_has_its_run(results):
    assert results.xp.last().xp.best("min", of="train.loss", by="seed").xp.run.id == 3


def test_many_runs_or_none_are_no_run(results, store):
    with pytest.raises(ResultsError, match=r"3 runs are behind this: 1, 2, 3. Select one, as by .sel\(seed=...\)."):
        _ = results.xp.run
    with pytest.raises(ResultsError, match="No run is behind this"):
        _ = results.isel(seed=[]).xp.run
    with pytest.raises(ResultsError, match="no coordinate 'run'"):
        _ = results.xp.mean("seed").xp.run


def test_a_run_that_was_removed_meanwhile_is_told(results, store):
    shutil.rmtree(store.path / "3")

    with pytest.raises(ResultsError, match="not there any more"):
        _ = results.sel(seed=2).xp.run


def test_an_array_needs_to_know_its_store(results):
    array = results["train.loss"].sel(seed=2).drop_attrs()

    with pytest.raises(ResultsError, match="Nothing tells in which store the run is"):
        _ = array.xp.run
    array.coords["run"].attrs["store"] = results.attrs["store"]
    assert array.xp.run.id == 3
