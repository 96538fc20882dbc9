"""Reading what MLXP really wrote, and what can become of it."""

import os
import shutil

import pytest

from typedxp import ResultsError
from typedxp.results.problems import ResultsWarning
from typedxp.results.sources.mlxp import find, recognizes
from typedxp.vocabulary.records import Column


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_runs_are_found_in_order_with_their_configs(mlxp_logs):
    runs = list(find(mlxp_logs))

    assert [run.id for run in runs] == [1, 2, 3, 4, 5, 6]
    assert [(run.config["lr"], run.config["seed"]) for run in runs[:4]] == [(0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1)]
    assert runs[0].config["optimizer"] == {"name": "sgd", "momentum": 0.9}
    assert [run.directory for run in runs] == ["1", "2", "3", "4", "5", "6"]


def test_run_10_comes_after_run_9(mlxp_logs):
    for number in ("9", "10"):
        shutil.copytree(mlxp_logs / "1", mlxp_logs / number)

    assert [run.id for run in find(mlxp_logs)] == [1, 2, 3, 4, 5, 6, 9, 10]


def test_nothing_says_which_runs_belong_together(mlxp_logs):
    runs = list(find(mlxp_logs))

    assert len({run.command for run in runs}) == 6
    assert all(run.point == {} and run.choices == {} for run in runs)


def test_streams_are_summed_up(mlxp_logs):
    first, *_, failed, _ = find(mlxp_logs)

    assert {name: stream.file for name, stream in first.streams.items()} == {
        "test": "metrics/test.json",
        "train": "metrics/train.json",
    }
    assert first.streams["train"].summary.records == 3
    assert first.streams["train"].summary.columns == {"epoch": Column(("int",), 3), "loss": Column(("float",), 3)}
    assert list(failed.streams) == ["train"]


def test_what_mlxp_knows_of_a_run_is_told_in_our_words(mlxp_logs):
    first, *_, failed, versioned = find(mlxp_logs)

    assert (first.facts["status"], failed.facts["status"]) == ("completed", "failed")
    assert first.facts["experiment"] == "train"
    assert first.facts["host"] == "host"
    assert "code.commit" not in first.facts
    assert versioned.facts["code.commit"] == "d84c21304cbe3d68c16a84996c658af4bbd23e84"
    assert versioned.facts["code"] == "d84c2130"
    assert versioned.facts["wall"] == 1.0


def test_times_are_those_of_this_time_zone(mlxp_logs, time_zone):
    time_zone("Etc/GMT-2")  # which is two hours ahead

    [run] = find(mlxp_logs, [6])

    assert run.facts["start"] == "2026-11-21T00:05:26.000+00:00"
    assert run.facts["end"] == "2026-11-21T00:05:27.000+00:00"


def test_artifacts_are_listed_and_not_opened(mlxp_logs):
    (mlxp_logs / "1" / "artifacts" / "pickle" / "model").chmod(0)
    (mlxp_logs / "1" / "artifacts" / "pickle" / "last").write_bytes(b"cos\nsystem\n(S'false'\ntR.")

    first, *_, failed, _ = find(mlxp_logs)

    assert first.facts["artifacts"] == ["artifacts/pickle/last", "artifacts/pickle/model"]
    assert failed.facts["artifacts"] == []


@pytest.mark.parametrize(
    ("word", "status"),
    [("RUNNING", "running"), ("STARTING", "submitted"), ("PAUSED", "unknown"), ("[1]", "unknown")],
)
def test_a_word_for_the_status_is_translated_or_kept(mlxp_logs, word, status):
    edit(mlxp_logs / "1" / "metadata" / "info.yaml", "status: COMPLETE", f"status: {word}")

    [run] = find(mlxp_logs, [1])

    assert run.facts["status"] == status
    assert run.facts["status.native"] == str([1] if word == "[1]" else word)


def test_a_run_that_waits_for_its_scheduler_is_submitted(mlxp_logs):
    metadata = mlxp_logs / "1" / "metadata"
    (metadata / "config.yaml").rename(metadata / "config_unresolved.yaml")
    edit(metadata / "info.yaml", "status: COMPLETE", "status: STARTING")
    edit(metadata / "info.yaml", "scheduler: null", "scheduler:\n  scheduler_job_id: '4711'")

    [run] = find(mlxp_logs, [1])

    assert (run.facts["status"], run.facts["job"], run.config["lr"]) == ("submitted", "4711", 0.1)


@pytest.mark.parametrize("date", ["31/02/2026", "''", "null", "[1]", "01/01/0001", "2026-11-21"])
def test_a_time_that_is_none_is_left_out(mlxp_logs, date):
    edit(mlxp_logs / "1" / "metadata" / "info.yaml", "end_date: 21/11/2026", f"end_date: {date}")

    [run] = find(mlxp_logs, [1])

    assert "start" in run.facts
    assert "end" not in run.facts
    assert "wall" not in run.facts


def test_only_the_runs_asked_for_are_read(mlxp_logs):
    (mlxp_logs / "1" / "metadata" / "info.yaml").unlink()

    assert [run.id for run in find(mlxp_logs, {4, 2})] == [2, 4]


def test_a_run_that_is_not_there_is_named(mlxp_logs):
    with pytest.raises(ResultsError, match=r"There is no run 17 in .*mlxp_logs\."):
        list(find(mlxp_logs, [1, 17]))


def test_a_directory_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ResultsError, match=r"none cannot be read: No such file"):
        list(find(tmp_path / "none"))


def test_damaged_runs_are_left_out_and_told_of_once(mlxp_logs):
    metadata = mlxp_logs / "1" / "metadata"
    (metadata / "config.yaml").write_text("lr: [0.1,")
    (mlxp_logs / "2" / "metadata" / "info.yaml").unlink()
    (mlxp_logs / "3" / "metadata" / "info.yaml").write_bytes(b"")
    (mlxp_logs / "4" / "metadata" / "config.yaml").write_bytes(b"name: caf\xe9\n")
    shutil.rmtree(mlxp_logs / "5")
    (mlxp_logs / "5").mkdir()
    (mlxp_logs / "7").symlink_to("7")

    with pytest.warns(
        ResultsWarning, match=r"Left out 5 damaged runs or files of .*: 1, 2, 3, 4, 5\. .*not YAML"
    ) as told:
        runs = list(find(mlxp_logs))

    assert [run.id for run in runs] == [6]
    assert len(told) == 1


def test_metrics_that_are_missing_or_half_written_are_no_damage(mlxp_logs):
    shutil.rmtree(mlxp_logs / "1" / "metrics")
    with (mlxp_logs / "2" / "metrics" / "train.json").open("a") as file:
        file.write('{"epoch": 3, "lo')
    (mlxp_logs / "3" / "metrics" / "train.json").write_bytes(b"")

    first, second, third, *_ = find(mlxp_logs)

    assert first.streams == {}
    assert second.streams["train"].summary.records == 3
    assert third.streams["train"].summary.records == 0


def test_what_is_no_file_is_no_stream(mlxp_logs):
    metrics = mlxp_logs / "1" / "metrics"
    (metrics / "directory.json").mkdir()
    (metrics / "dangling.json").symlink_to("nowhere")
    os.mkfifo(metrics / "pipe.json")

    [run] = find(mlxp_logs, [1])

    assert list(run.streams) == ["test", "train"]


def test_streams_whose_names_become_the_same_are_told_apart(mlxp_logs):
    metrics = mlxp_logs / "1" / "metrics"
    (metrics / "train set.json").write_text('{"loss": 1}\n')
    (metrics / "train+set.json").write_text('{"loss": 2}\n')

    [run] = find(mlxp_logs, [1])

    assert {name: stream.file for name, stream in run.streams.items() if "set" in name} == {
        "train_set": "metrics/train set.json",
        "train_set_": "metrics/train+set.json",
    }


def test_a_run_may_be_a_link(mlxp_logs):
    (mlxp_logs / "6").rename(mlxp_logs.parent / "elsewhere")
    (mlxp_logs / "6").symlink_to(mlxp_logs.parent / "elsewhere")

    assert [run.id for run in find(mlxp_logs, [6])] == [6]


def test_a_log_directory_is_recognized_by_names_alone(mlxp_logs):
    for path in mlxp_logs.rglob("*.*"):
        if path.is_file():
            path.write_bytes(b"\x00")

    assert recognizes(mlxp_logs)


def test_other_directories_are_not_recognized(tmp_path, store, multirun):
    store.add({"lr": 0.1}, [{"loss": 1.0}])
    (tmp_path / "empty" / "1" / "metadata").mkdir(parents=True)
    (tmp_path / "file").touch()

    for path in (store.path, multirun, tmp_path / "empty", tmp_path / "file", tmp_path / "none"):
        assert not recognizes(path)


def test_numbers_that_mlxp_does_not_write_are_no_runs(mlxp_logs):
    for name in ("01", "-1", "\u0663", "9" * 30, "1.0"):
        shutil.copytree(mlxp_logs / "1", mlxp_logs / name)

    assert [run.id for run in find(mlxp_logs)] == [1, 2, 3, 4, 5, 6]
