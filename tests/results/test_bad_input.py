import shutil

import numpy as np
import pytest

from typedxp import ResultsError, open_results
from typedxp.results.problems import ResultsWarning


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ResultsError, match=r"There is no directory .*/logs.*xp.logs"):
        open_results(tmp_path / "logs")


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "logs").touch()

    with pytest.raises(ResultsError, match="logs cannot be read: Not a directory"):
        open_results(tmp_path / "logs")


def test_a_directory_without_runs_is_named(tmp_path):
    (tmp_path / "17").mkdir()
    (tmp_path / "notes.txt").touch()

    with pytest.raises(ResultsError, match=r"holds no runs.*Name a directory of runs"):
        open_results(tmp_path)


def test_the_directory_of_one_run_leads_to_its_store(grid):
    with pytest.raises(ResultsError) as error:
        open_results(grid.path / "3")

    assert str(error.value) == f"{grid.path}/3 is one run: name the directory of runs that it is in, {grid.path}."


def test_several_experiments_are_listed_to_choose_from(store):
    for seed in range(2):
        store.add({"seed": seed})
    store.add({}, experiment="evaluate")

    with pytest.raises(ResultsError) as error:
        open_results(store.path)

    assert str(error.value) == (
        f"{store.path} holds runs of 2 experiments: evaluate (1 run), train (2 runs). "
        "Choose one: open_results(..., experiment='evaluate')."
    )


def test_a_misspelt_experiment_gets_the_nearest(grid):
    with pytest.raises(ResultsError, match=r"no run of 'trian'. Did you mean train\? It holds train \(6 runs\)."):
        open_results(grid.path, experiment="trian")


def test_a_run_that_is_not_there_is_named(grid):
    with pytest.raises(ResultsError, match="There is no run 7 in "):
        open_results(grid.path, runs=[1, 7])


def test_what_something_else_made_is_left_alone(grid):
    (grid.path / "99").mkdir()
    (grid.path / "notes").mkdir()
    (grid.path / "007").mkdir()

    assert open_results(grid.path).sizes["seed"] == 3


@pytest.mark.parametrize("name", ["run.json", "status.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"{}", b'{"format": 1}', b'{"format": 99}'])
def test_a_damaged_run_is_left_out_with_one_warning(grid, name, content):
    for run in ("2", "5"):
        (grid.path / run / name).write_bytes(content)

    with pytest.warns(ResultsWarning, match=f"2 damaged runs of .*: 2, 5. .*{name}") as warned:
        results = open_results(grid.path)

    assert len(warned) == 1
    assert results["run"].values.tolist() == [[1, 3], [4, 6]]


def test_a_config_that_cannot_be_read_is_warned_of_where_it_is_needed(store):
    store.add({"lr": 0.1}, config={"lr": 0.1})
    damaged = store.add({"seed": 1}, config={"lr": 0.1, "seed": 1})
    (damaged.path / "config.yaml").write_text("{")

    with pytest.warns(ResultsWarning, match=r"Run 2 has no labels .*: .*config.yaml cannot be read"):
        results = open_results(store.path)

    np.testing.assert_array_equal(results["lr"], [0.1, np.nan])


def test_a_run_deleted_after_the_opening_is_missing_with_a_warning(grid):
    results = open_results(grid.path)
    shutil.rmtree(grid.path / "5")

    with pytest.warns(ResultsWarning, match="5/metrics/train.jsonl was deleted") as warned:
        results.load()

    assert len(warned) == 1
    assert results["train.loss"].sel(lr=0.01, seed=1).isnull().all()
    # Integers cannot be missing: rather another type than a wrong number.
    np.testing.assert_array_equal(results["train.epoch"].sel(lr=0.01), [[0, 1], [np.nan, np.nan], [0, 1]])


def test_a_damaged_line_is_skipped_with_one_warning(grid):
    path = grid.path / "2" / "metrics" / "train.jsonl"
    path.write_bytes(b'{"epoch":0,"lo\n{"epoch":1,"loss":5.0}\n')
    results = open_results(grid.path)

    with pytest.warns(ResultsWarning, match="2/metrics/train.jsonl has 1 damaged line,") as warned:
        loss = results.load()["train.loss"]

    assert len(warned) == 1
    np.testing.assert_array_equal(loss.sel(lr=0.1, seed=1), [5, np.nan])


def test_records_lost_after_the_opening_are_missing_with_a_warning(grid):
    results = open_results(grid.path)
    (grid.path / "2" / "metrics" / "train.jsonl").write_bytes(b'{"epoch":0,"loss":5.0}\n')

    with pytest.warns(ResultsWarning, match="lost records"):
        loss = results["train.loss"].load()

    np.testing.assert_array_equal(loss.sel(lr=0.1, seed=1), [5, np.nan])


def test_a_stream_that_cannot_be_read_when_opening_is_left_out_with_a_warning(store):
    store.add({"seed": 0}, [{"loss": 1.0}])
    (store.add({"seed": 1}).metrics / "train.jsonl").mkdir(parents=True)

    with pytest.warns(ResultsWarning, match=r"2/metrics/train.jsonl is left out, it cannot be read: Is a directory"):
        results = open_results(store.path)

    np.testing.assert_array_equal(results["train.loss"], [[1], [np.nan]])


def test_a_stream_that_may_not_be_read_is_missing_with_a_warning(grid):
    results = open_results(grid.path)
    path = grid.path / "2" / "metrics" / "train.jsonl"
    path.unlink()
    path.mkdir()

    with pytest.warns(ResultsWarning, match="cannot be read .Is a directory"):
        assert results["train.loss"].sel(lr=0.1, seed=1).isnull().all()


def test_values_of_another_type_than_promised_are_read_as_they_are(grid):
    results = open_results(grid.path)
    (grid.path / "2" / "metrics" / "train.jsonl").write_bytes(b'{"epoch":"a"}\n{"epoch":1.5}\n')

    assert results["train.epoch"].sel(lr=0.1).values.tolist() == [[0, 1], ["a", 1.5], [0, 1]]


@pytest.mark.parametrize("name", ["a b", "it's", "semi;colon", "new\nline", "ünï", "100%"])
def test_a_store_may_be_called_anything(store, tmp_path, name):
    store.add({"seed": 0}, [{"loss": 1.0}])
    store.path.rename(tmp_path / name)

    assert open_results(str(tmp_path / name))["train.loss"].values.tolist() == [[1]]
