"""Reading what Hydra really left behind, and what can become of it."""

import os
import shutil

import pytest

from typedxp import ResultsError
from typedxp.results.problems import ResultsWarning
from typedxp.results.sources.hydra import find, recognizes
from typedxp.vocabulary.records import Column


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_sweep_has_its_swept_keys_and_hydras_numbers(sweep):
    runs = list(find(sweep))

    assert [(run.id, run.directory, run.command) for run in runs] == [(n, str(n), ".") for n in range(4)]
    assert [run.point for run in runs] == [
        {"optimizer": "sgd", "seed": 0},
        {"optimizer": "sgd", "seed": 1},
        {"optimizer": "adam", "seed": 0},
        {"optimizer": "adam", "seed": 1},
    ]
    assert [run.choices for run in runs] == [{"optimizer": name} for name in ("sgd", "sgd", "adam", "adam")]


def test_values_are_those_of_the_config_and_references_stay_as_they_are(sweep):
    *_, last = find(sweep)

    assert last.config == {"optimizer": {"lr": 0.001, "betas": [0.9, 0.999]}, "seed": 1, "name": "run-${seed}"}
    assert last.facts == {"status": "unknown", "experiment": "train", "cwd": "/home/user/project"}


def test_several_sweeps_are_counted_in_order_of_their_names(multirun):
    runs = list(find(multirun))

    assert [run.id for run in runs] == [0, 1, 2, 3, 4, 5]
    assert [run.command for run in runs] == ["2026-11-21/02-05-27"] * 4 + ["2026-11-21/02-05-29"] * 2
    assert [run.point for run in runs[4:]] == [{"optimizer.lr": 0.1}, {"optimizer.lr": 0.2}]
    assert runs[5].directory == "2026-11-21/02-05-29/1"


def test_single_runs_are_commands_of_their_own(single):
    runs = list(find(single))

    assert [(run.id, run.command, run.point) for run in runs] == [
        (0, "2026-11-21/02-05-30", {}),
        (1, "2026-11-21/02-05-31", {}),
    ]
    assert [(run.config["seed"], run.config["optimizer"]["lr"]) for run in runs] == [(3, 0.1), (0, 0.5)]


def test_one_run_can_be_read_by_itself(single, sweep):
    [run] = find(single / "2026-11-21" / "02-05-30")
    [job] = find(sweep / "3")

    assert (run.id, run.directory, run.command) == (0, ".", ".")
    assert (job.id, job.directory, job.command, job.config["seed"]) == (3, ".", ".", 1)


def test_job_10_comes_after_job_9(sweep):
    for number in (9, 10):
        shutil.copytree(sweep / "1", sweep / str(number))
        edit(sweep / str(number) / ".hydra" / "hydra.yaml", "num: 1", f"num: {number}")
        edit(sweep / str(number) / ".hydra" / "config.yaml", "seed: 1", f"seed: {number}")
        edit(sweep / str(number) / ".hydra" / "overrides.yaml", "seed=1", f"seed={number}")

    assert [(run.id, run.point["seed"]) for run in find(sweep)] == [(0, 0), (1, 1), (2, 0), (3, 1), (9, 9), (10, 10)]


def test_jobs_may_be_named_by_their_overrides_even_by_paths(sweep):
    (sweep / "model=a").mkdir()
    (sweep / "0").rename(sweep / "model=a" / "b,seed=0")
    (sweep / "1").rename(sweep / "seed=1")

    assert [(run.id, run.directory, run.command) for run in find(sweep)] == [
        (0, "model=a/b,seed=0", "."),
        (1, "seed=1", "."),
        (2, "2", "."),
        (3, "3", "."),
    ]


def test_a_sweep_without_its_own_file_is_the_directory_above_its_jobs(multirun, sweep):
    (sweep / "multirun.yaml").unlink()

    assert {run.command for run in find(multirun)} == {"2026-11-21/02-05-27", "2026-11-21/02-05-29"}


def test_the_id_that_a_launcher_gave_a_job_is_kept(sweep):
    edit(sweep / "2" / ".hydra" / "hydra.yaml", "id: '2'", "id: '4711_2'")

    assert [run.facts.get("job") for run in find(sweep)] == [None, None, "4711_2", None]


def test_streams_are_named_by_their_files_and_summed_up(sweep):
    first, *_ = find(sweep)
    table = first.streams["lightning_logs.version_0.metrics"]

    assert first.streams["metrics"].file == "metrics.jsonl"
    assert first.streams["metrics"].summary.columns == {"epoch": Column(("int",), 3), "loss": Column(("float",), 3)}
    assert table.file == "lightning_logs/version_0/metrics.csv"
    assert table.summary.records == 6
    assert table.summary.columns == {
        "epoch": Column(("int",), 6),
        "step": Column(("int",), 6),
        "train_loss": Column(("float",), 4),
        "val_acc": Column(("float",), 2),
    }


def test_a_stream_has_one_name_in_all_runs(sweep):
    for number in range(3):
        (sweep / str(number) / "metrics.jsonl").unlink()

    assert {name for run in find(sweep) for name in run.streams} == {"metrics", "lightning_logs.version_0.metrics"}
    assert [list(run.streams) for run in find(sweep)][2:] == [
        ["lightning_logs.version_0.metrics"],
        ["lightning_logs.version_0.metrics", "metrics"],
    ]


def test_files_without_metrics_are_no_streams(sweep):
    job = sweep / "0"
    (job / "result.json").write_text('{"accuracy": 0.9}')
    (job / "list.json").write_text("[1, 2]")
    (job / "names.csv").write_text("name\na\nb\n")
    (job / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    (job / ".hidden").mkdir()
    (job / ".hidden" / "metrics.csv").write_text("a\n1\n")
    os.mkfifo(job / "pipe.csv")
    (job / "dangling.csv").symlink_to("nowhere")
    (job / "round").symlink_to(job)
    (job / "lines.json").write_text('{"a": 1}\n{"a": 2}\n')

    [run] = find(sweep, [0])

    assert set(run.streams) == {"metrics", "lightning_logs.version_0.metrics", "lines"}


def test_what_cannot_be_read_from_a_half_written_stream_is_left_out(sweep):
    with (sweep / "0" / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "lo')
    with (sweep / "0" / "lightning_logs" / "version_0" / "metrics.csv").open("a") as file:
        file.write("3,9")

    [run] = find(sweep, [0])

    assert [stream.summary.records for stream in run.streams.values()] == [6, 3]


def test_only_runs_that_are_there_can_be_asked_for(sweep):
    assert [run.id for run in find(sweep, {3, 1})] == [1, 3]
    with pytest.raises(ResultsError, match=r"There is no run 17 in .*02-05-27\."):
        list(find(sweep, [17]))


def test_damaged_jobs_are_left_out_and_told_of_once(multirun, sweep):
    (sweep / "0" / ".hydra" / "config.yaml").write_text("optimizer: {lr: [")
    (sweep / "1" / ".hydra" / "hydra.yaml").unlink()
    (sweep / "2" / ".hydra" / "config.yaml").write_bytes(b"")
    (sweep / "3" / ".hydra" / "overrides.yaml").write_bytes(b"- name=caf\xe9\n")
    places = ", ".join(f"2026-11-21/02-05-27/{number}" for number in range(4))

    with pytest.warns(ResultsWarning, match=f"Left out 4 damaged runs or files of .*: {places}. .*not YAML") as told:
        runs = list(find(multirun))

    assert [run.id for run in runs] == [4, 5]
    assert len(told) == 1


@pytest.mark.parametrize("text", ["hydra: 1\n", "{}\n", "hydra: {job: [1], runtime: {choices: 3}}\n"])
def test_settings_that_say_nothing_leave_a_job_that_was_run_by_itself(sweep, text):
    (sweep / "0" / ".hydra" / "hydra.yaml").write_text(text)
    (sweep / "0" / ".hydra" / "overrides.yaml").write_text("a: [b]\n")

    [run] = find(sweep / "0")

    assert (run.id, run.point, run.choices, run.facts) == (0, {}, {}, {"status": "unknown", "experiment": ""})


def test_a_path_in_a_config_is_text(sweep):
    with (sweep / "0" / ".hydra" / "config.yaml").open("a") as file:
        file.write("data: !!python/object/apply:pathlib.PosixPath\n- /\n- data\n")

    [run] = find(sweep, [0])

    assert run.config["data"] == "/data"


def test_no_link_is_followed(multirun, sweep):
    (multirun / "latest").symlink_to(sweep)
    (sweep / "round").symlink_to(multirun)

    assert len(list(find(multirun))) == 6


def test_a_link_to_a_sweep_can_be_read(tmp_path, sweep):
    (tmp_path / "latest").symlink_to(sweep)

    assert recognizes(tmp_path / "latest")
    assert len(list(find(tmp_path / "latest"))) == 4


def test_sweeps_single_runs_and_what_holds_them_are_recognized_by_names(multirun, sweep, single):
    for path in multirun.rglob("*.yaml"):
        path.write_bytes(b"\x00")

    for path in (multirun, multirun / "2026-11-21", sweep, sweep / "0", single, single / "2026-11-21" / "02-05-30"):
        assert recognizes(path)


def test_other_directories_are_not_recognized(tmp_path, store, mlxp_logs):
    store.add({"lr": 0.1}, [{"loss": 1.0}])
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()

    for path in (store.path, mlxp_logs, tmp_path / "empty", tmp_path / "file", tmp_path / "none"):
        assert not recognizes(path)


def test_nothing_is_found_where_nothing_is(tmp_path):
    assert list(find(tmp_path)) == []
