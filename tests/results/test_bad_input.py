import json
import math
import os
import shutil
import warnings

import numpy as np
import pytest

from typedxp import ResultsError, open_results
from typedxp.results.problems import ResultsWarning
from typedxp.vocabulary.records import RunStatus, Status, Usage


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

    with pytest.warns(ResultsWarning, match=f"2 damaged runs or files of .*: 2, 5. .*{name}") as warned:
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


def test_runs_that_all_failed_are_shown_as_failed(store):
    for seed in range(3):
        store.add({"seed": seed}, [{"loss": 1.0}] * seed, RunStatus.FAILED)

    results = open_results(store.path)

    assert results["status"].values.tolist() == ["failed"] * 3
    np.testing.assert_array_equal(results["train.loss"].count("train.step"), [0, 1, 2])


def test_a_stream_of_one_record_beside_none_is_one_step(store):
    store.add({"seed": 0}, [{"epoch": 3, "loss": 1.0}])
    store.add({"seed": 1})

    results = open_results(store.path)

    assert results["train.step"].values.tolist() == [3]
    np.testing.assert_array_equal(results["train.loss"], [[1], [np.nan]])


@pytest.mark.parametrize("tear", [1, 5, 12])
def test_a_torn_last_line_is_nobodys_damage(store, tear):
    directory = store.add({"seed": 0}, [{"loss": 1.0}, {"loss": 2.0}], RunStatus.RUNNING)
    path = directory.stream("train")
    path.write_bytes(path.read_bytes()[:-tear])

    values = open_results(store.path)["train.loss"].values.tolist()

    assert values == ([[1, 2]] if tear == 1 else [[1]])


def test_a_stream_without_one_whole_line_is_told_of(grid):
    (grid.path / "2" / "metrics" / "train.jsonl").write_bytes(b'{"epoch":0,"lo\n{"epoch":1,"lo\n')

    with pytest.warns(ResultsWarning, match="2/metrics/train.jsonl has 2 damaged lines"):
        loss = open_results(grid.path)["train.loss"].sel(lr=0.1, seed=1).load()

    assert loss.isnull().all()


def test_damage_is_told_once_however_often_it_is_read(grid):
    for run in (2, 3):
        (grid.path / str(run) / "metrics" / "train.jsonl").write_bytes(b'{"epoch":0,"lo\n{"epoch":1,"loss":5.0}\n')
    results = open_results(grid.path)

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for seed in (0, 1, 2, 1):
            assert results["train.loss"].sel(seed=seed).max() > 0
        results.load()

    assert [str(warning.message).split("/")[-3] for warning in warned] == ["2", "3"]


def test_a_directory_with_a_number_that_no_run_has_is_left_alone(grid):
    (grid.path / "20261121022418123456789").mkdir()

    assert open_results(grid.path).sizes["seed"] == 3


def test_a_path_that_no_file_system_has_is_named():
    with pytest.raises(ResultsError, match="cannot be"):
        open_results("logs\0")


def test_links_are_followed_and_links_to_nothing_left_alone(grid, tmp_path):
    (tmp_path / "moved").mkdir()
    (grid.path / "6").rename(tmp_path / "moved" / "6")
    (grid.path / "6").symlink_to(tmp_path / "moved" / "6")
    (grid.path / "9").symlink_to(tmp_path / "nowhere")
    (tmp_path / "link").symlink_to(grid.path)

    results = open_results(tmp_path / "link")

    assert results["run"].values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert results["train.loss"].sel(lr=0.01, seed=2).values.tolist() == [3, 2]


ODD = [
    "a.b",
    "a/b",
    "ünï",
    "run",
    "status",
    "code",
    "step_",
    "a\nb",
    "train.step",
    "x" * 300,
    "loss ",
    " ",
    "\0",
    "seed",
]


def test_columns_may_be_called_anything(store):
    for seed in range(2):
        records = [{name: seed + step + place for place, name in enumerate(ODD)} for step in range(3)]
        store.add({"seed": seed}, [{"step": 10 * step, **record} for step, record in enumerate(records)])

    results = open_results(store.path).load()

    assert set(results.data_vars) == {f"train.{name}" for name in ODD}
    for place, name in enumerate(ODD):
        assert results[f"train.{name}"].values.tolist() == [
            [place, place + 1, place + 2],
            [place + 1, place + 2, place + 3],
        ]
    assert results["train.step"].values.tolist() == [0, 10, 20]


def declare(directory, **variables):
    """Say in run.json that a run logs these once."""
    record = json.loads((directory.path / "run.json").read_bytes())
    record["metrics"] = {"summary": {name: {"dtype": "float"} for name in variables}}
    (directory.path / "run.json").write_text(json.dumps(record))


@pytest.mark.parametrize("name", ["train.loss", "train.step", "status_"])
def test_metrics_that_would_be_one_variable_are_two(store, name):
    summary = {name: 7.0, "status": 8.0}
    directory = store.add({"seed": 3}, {"summary": [summary], "train": [{"loss": 1.0}]})
    declare(directory, **summary)

    results = open_results(store.path)

    found = {(array.attrs["stream"], array.attrs["column"]): array.values.tolist() for array in results.values()}
    assert found == {("summary", name): [7], ("summary", "status"): [8], ("train", "loss"): [[1]]}
    assert results["seed"].values.tolist() == [3]
    assert results["status"].values.tolist() == ["completed"]


def test_a_metric_called_as_a_swept_key_stands_beside_it(store):
    declare(store.add({"seed": 3}, {"summary": [{"seed": 7.0}]}), seed=7.0)

    results = open_results(store.path)

    assert results["seed"].values.tolist() == [7]
    assert results["seed_"].values.tolist() == [3]


@pytest.mark.parametrize(
    ("number", "read"),
    [
        (2**53 + 1, 2**53 + 1),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, 2.0**63),
        (10**30, 1e30),
        (-(10**400), -math.inf),
    ],
    ids=["2**53+1", "2**63-1", "-2**63", "2**63", "10**30", "-10**400"],
)
def test_huge_integers_are_read_as_exactly_as_a_type_can(store, number, read):
    store.add({"seed": number}, [{"n": number}])

    results = open_results(store.path)

    assert results.sizes["seed"] == 1
    assert results["train.n"].item() == read


WRONG = [
    {"dims": 5},
    {"drop": 5},
    {"runs": 5},
    {"runs": ["a"]},
    {"runs": [1.5]},
    {"runs": "12"},
    {"rename": ["seed"]},
    {"rename": {"seed": 5}},
    {"rename": {"sed": "x"}},
    {"align": 5},
    {"where": 5},
    {"experiment": 5},
]


@pytest.mark.parametrize("asked", WRONG, ids=str)
def test_what_cannot_be_asked_for_is_named(grid, asked):
    [name] = asked

    with pytest.raises(ResultsError, match=f"{name}|sed"):
        open_results(grid.path, **asked)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"layout": "gird"}, "layout cannot be 'gird'. Did you mean grid"),
        ({"duplicates": "newst"}, "duplicates cannot be 'newst'. Did you mean newest"),
        ({"dims": "sed"}, "No run has a key 'sed'. Did you mean seed"),
        ({"drop": ["optimiser.lr"]}, "No run has a key 'optimiser.lr'. Did you mean optimizer.lr"),
        ({"align": "epohc"}, "No stream has 'epohc' to be aligned by. Did you mean epoch"),
    ],
    ids=str,
)
def test_a_misspelt_wish_gets_the_nearest(grid, asked, told):
    with pytest.raises(ResultsError, match=told):
        open_results(grid.path, **asked)


@pytest.mark.parametrize(("keys", "asked"), [(12, {"layout": "grid"}), (70, {"runs": [1]})], ids=str)
def test_a_grid_that_no_memory_holds_is_a_list_or_refused(store, keys, asked):
    for run in range(30):
        store.add({f"key{number}": run * (number + 1) for number in range(keys)}, [{"loss": 1.0}])

    if keys == 70:
        assert open_results(store.path, **asked)["train.loss"].size == 1
    else:
        with pytest.raises(ResultsError, match="grid"):
            open_results(store.path, **asked)


OF_ANOTHER_TYPE = [
    ("attempt", "x"),
    ("attempt", [1]),
    ("cause", 5),
    ("cause", {"a": 1}),
    ("usage.wall", "x"),
    ("usage.peak_memory", [1]),
    ("streams.train.records", "x"),
    ("streams.train.records", 10**30),
    ("streams.train.columns.loss.kinds", [1]),
    ("streams.train.columns.loss.kinds", [["float"]]),
    ("streams.train.steps.key", []),
    ("streams.train.steps.pieces", [["a", 1, 1]]),
    ("streams.train.steps.pieces", [[0, 1, 10**30]]),
]


@pytest.mark.parametrize(("key", "value"), OF_ANOTHER_TYPE, ids=str)
def test_a_status_with_a_value_of_another_type_is_damaged(grid, key, value):
    path = grid.path / "2" / "status.json"
    summaries = json.loads(path.read_bytes())["streams"]
    document = json.loads(path.read_bytes()) | {"usage": vars(Usage(1.0, 1.0, 1.0, 5)), "streams": summaries}
    *above, last = key.split(".")
    tree = document
    for name in above:
        tree = tree[name]
    tree[last] = value
    path.write_text(json.dumps(document))

    with pytest.warns(ResultsWarning, match="damaged"):
        results = open_results(grid.path).load()

    assert results["status"].sel(lr=0.1, seed=[0, 1, 2]).values.tolist() == ["completed", "missing", "completed"]


def test_fewer_values_of_another_type_than_promised_are_read_as_they_are(grid):
    results = open_results(grid.path)
    (grid.path / "2" / "metrics" / "train.jsonl").write_bytes(b'{"epoch":"a"}\n')

    epoch = results["train.epoch"].sel(lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultsWarning)
        assert epoch.values.tolist() == [[0, 1], ["a", None], [0, 1]]


def test_a_run_that_has_not_logged_yet_does_not_hide_the_steps_of_the_others(store):
    store.add({"seed": 0}, [{"epoch": 5, "loss": 1.0}, {"epoch": 10, "loss": 2.0}])
    directory = store.add({"seed": 1}, (), RunStatus.RUNNING)
    directory.metrics.mkdir()
    directory.stream("train").touch()

    assert open_results(store.path)["train.step"].values.tolist() == [5, 10]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_run_that_may_not_be_read_is_left_out_with_a_warning(grid):
    (grid.path / "2" / "status.json").chmod(0)

    with pytest.warns(ResultsWarning, match="1 damaged run"):
        assert open_results(grid.path)["run"].values.tolist() == [[1, -1, 3], [4, 5, 6]]


def test_a_run_that_is_written_while_it_is_read_keeps_what_it_had_when_opened(store):
    directory = store.add({"seed": 0}, [{"loss": 1.0}], RunStatus.RUNNING)
    results = open_results(store.path)
    with directory.stream("train").open("ab") as stream:
        stream.write(b'{"loss":2.0}\n{"lo')
    directory.write_status(Status(RunStatus.RUNNING, attempt=1))

    assert results["train.loss"].values.tolist() == [[1]]
    assert open_results(store.path)["train.loss"].values.tolist() == [[1, 2]]
