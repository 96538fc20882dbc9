"""Finished runs as other systems see them, and the command that exports them."""

from __future__ import annotations

import dataclasses
import math
import os
import socket
import subprocess
import sys

import pytest

from typedxp.cli.main import main
from typedxp.errors import ResultsError, StoreError
from typedxp.results.export.finished import find_finished, load
from typedxp.results.problems import ResultsWarning
from typedxp.vocabulary.records import RunStatus

SYSTEMS = ["mlflow", "tensorboard", "wandb"]


def test_the_config_is_flat_and_lists_are_json(store):
    store.add(
        {}, config={"optimizer": {"lr": 0.1, "betas": [0.9, None]}, "name": "a", "seed": 3, "none": None, "empty": {}}
    )

    [run] = find_finished(store.path)

    assert run.parameters == {
        "optimizer.lr": 0.1,
        "optimizer.betas": "[0.9, null]",
        "name": "a",
        "seed": 3,
        "none": None,
        "empty": "{}",
    }


def test_tags_name_the_run_and_its_code(store):
    directory = store.add({}, status=RunStatus.FAILED)

    [run] = find_finished(store.path)

    assert run.name == "train-1"
    assert run.tags == {
        "typedxp.run": "1",
        "typedxp.sweep": "a",
        "typedxp.status": "failed",
        "typedxp.digest": "same",
        "typedxp.directory": str(directory.path),
    }


def test_steps_are_those_that_were_logged_or_else_places(store):
    stepped, counted = (
        [{"step": 10, "loss": 1.0}, {"step": 30, "loss": 0.5}],
        [{"step": 0.5, "loss": 1.0}, {"loss": 0.5}],
    )
    store.add({}, {"train": stepped, "test": counted})

    [run] = find_finished(store.path)

    assert [(point.step, point.values) for point in run.points["train"]] == [(10, {"loss": 1.0}), (30, {"loss": 0.5})]
    assert [(point.step, point.values) for point in run.points["test"]] == [
        (0, {"step_": 0.5, "loss": 1.0}),
        (1, {"loss": 0.5}),
    ]


def test_numbers_that_json_lacks_are_numbers_and_texts_stay_texts(store):
    store.add({}, [{"loss": math.inf, "word": "NaN"}, {"loss": math.nan, "word": "x"}])

    [run] = find_finished(store.path)
    first, second = (point.values for point in run.points["train"])

    assert first == {"loss": math.inf, "word": "NaN"}
    assert math.isnan(second["loss"])


def test_points_have_the_time_of_their_record_or_else_that_of_the_run(store):
    directory = store.add({}, [{"loss": 1.0}])
    (directory.metrics / "train.jsonl").write_bytes(b'{"loss":1.0,"_time":1700000000.5}\n{"loss":0.5}\n')

    [run] = find_finished(store.path)

    assert [point.time for point in run.points["train"]] == [1700000000.5, run.start]
    assert run.points["train"][0].values == {"loss": 1.0}


def test_damaged_lines_are_passed_over_with_a_warning(store):
    directory = store.add({}, [{"loss": 1.0}])
    (directory.metrics / "train.jsonl").write_bytes(b'{"loss":1.0}\n{"lo\n{"loss":3.0}\n')

    [run] = find_finished(store.path)

    with pytest.warns(ResultsWarning, match=r"1/metrics/train.jsonl has 1 damaged line,"):
        assert [point.values for point in run.points["train"]] == [{"loss": 1.0}, {"loss": 3.0}]


def test_a_run_lasts_from_its_start_to_its_end(store):
    directory = store.add({})
    status = directory.read_status()
    times = {"start": "2026-11-20T12:00:01+00:00", "end": "2026-11-20T12:00:03.500+00:00"}
    [planned] = find_finished(store.path)
    assert planned.start == planned.end

    directory.write_status(dataclasses.replace(status, **times))

    [run] = find_finished(store.path)
    assert run.start == planned.start + 1
    assert run.end == run.start + 2.5


def test_without_ids_the_runs_that_have_ended_are_found(store):
    for status in (RunStatus.COMPLETED, RunStatus.RUNNING, RunStatus.LOST):
        store.add({}, status=status)

    assert [run.record.id for run in find_finished(store.path)] == [1, 3]


def test_a_damaged_run_does_not_keep_the_others_from_being_exported(store):
    for _ in range(3):
        directory = store.add({})
    (directory.path / "run.json").write_text("{}")

    with pytest.warns(ResultsWarning, match=r"Left out 1 damaged run or file of .*: 3\."):
        assert [run.id for run in find_finished(store.path)] == [1, 2]
    with pytest.raises(StoreError, match="damaged"):
        find_finished(store.path, [1, 3])


def test_a_run_that_goes_on_is_refused_before_anything_is_written(store):
    store.add({})
    store.add({}, status=RunStatus.RUNNING)

    with pytest.raises(
        ResultsError, match=r"Only runs that have ended are exported, and these of .* have not: 2 \(running\)"
    ):
        find_finished(store.path, [1, 2])
    with pytest.raises(StoreError, match="There is no run 7"):
        find_finished(store.path, [7])


def test_a_store_where_nothing_has_ended_has_nothing_to_export(store):
    store.add({}, status=RunStatus.RUNNING)

    with pytest.raises(ResultsError, match=r"No run in .* has ended"):
        find_finished(store.path)


def test_a_library_that_is_not_installed_is_named_with_what_to_do():
    with pytest.raises(ResultsError, match=r"needs nowhere, .*pip install 'typedxp\[nowhere\]'"):
        load("nowhere.to.be.found", "nowhere")


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_command_refuses_a_system_that_is_not_installed(store, system, monkeypatch, capsys, tmp_path):
    store.add({})
    for name in [name for name in sys.modules if name.partition(".")[0] == system]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, system, None)

    assert main(["export", system, "--logs", str(store.path), "--to", str(tmp_path / "out")]) == 2

    assert f"pip install 'typedxp[{system}]'" in capsys.readouterr().err


def test_the_command_refuses_systems_that_it_does_not_know(store, capsys):
    assert main(["export", "neptune", "--logs", str(store.path), "--to", "out"]) == 2

    assert "'mlflow', 'tensorboard', 'wandb'" in capsys.readouterr().err


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_export_goes_nowhere_near_the_network_and_is_done_once(store, system, tmp_path):
    pytest.importorskip(system, reason=f"needs {system}: tox -e bridges")
    store.add({}, [{"loss": 1.0}], config={"lr": 0.1})
    store.add({}, [{"loss": 2.0}], status=RunStatus.FAILED)
    command = [
        sys.executable,
        "-m",
        "typedxp",
        "export",
        system,
        "--logs",
        str(store.path),
        "--to",
        str(tmp_path / "out"),
    ]

    with socket.create_server(("127.0.0.1", 0)) as server:
        environment = unreachable(f"http://127.0.0.1:{server.getsockname()[1]}")
        first, second = (
            subprocess.run(
                command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True
            )
            for _ in range(2)
        )
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()

    assert [line.split(" ")[:2] for line in first.stdout.splitlines()] == [["train-1", "->"], ["train-2", "->"]]
    assert [line.split(" ")[:4] for line in second.stdout.splitlines()] == [
        ["train-1", "is", "already", "in"],
        ["train-2", "is", "already", "in"],
    ]


def unreachable(proxy: str) -> dict[str, str]:
    """Return the environment of a user for whom every way out leads to the proxy."""
    told = {"PYTEST_CURRENT_TEST", "PYTEST_VERSION", "CI", "GITHUB_ACTIONS", "NO_PROXY", "no_proxy"}
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "WANDB_BASE_URL")
    return {name: value for name, value in os.environ.items() if name not in told} | dict.fromkeys(names, proxy)
