"""``typedxp diff``: what differs between runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.results.conftest import StoreBuilder
from typedxp.cli.main import main
from typedxp.vocabulary.records import RunStatus


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    """Type a command over three runs; it returns what was printed, and checks the exit code."""
    monkeypatch.chdir(tmp_path)
    builder = StoreBuilder(tmp_path / "logs")
    configs = [{"lr": 0.1, "seed": 1}, {"lr": 0.1, "seed": 2}, {"lr": 0.2, "seed": 1, "extra": [1]}]
    for number, config in enumerate(configs):
        records = [{"loss": 1.5}, {"loss": 1.0 - number}] if number < 2 else [{"acc": 1}]
        status = RunStatus.FAILED if number == 2 else RunStatus.COMPLETED
        directory = builder.add({"seed": config["seed"]}, records, status, config=config, sweep=str(number))
        directory.write_status(replace(directory.read_status(), cause="killed" if number == 2 else None, attempt=1))
        file = directory.path / "run.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"overrides": [f"seed={config['seed']}"]}))

    def run(*arguments, code=0):
        assert main(arguments) == code
        printed = capsys.readouterr()
        return printed.out if code == 0 else printed.err

    return run


def test_diff_shows_what_differs_and_metrics_side_by_side(typed):
    assert typed("diff", "3", "1").splitlines() == [
        "run           3       1",
        "config",
        "  lr          0.2     0.1",
        "  extra       [1]     -",
        "facts",
        "  status      failed  completed",
        "  cause       killed  -",
        "metrics",
        "  train.loss  -       1.0",
        "  train.acc   1       -",
    ]


def test_diff_of_several_runs_as_json(typed):
    assert json.loads(typed("diff", "1", "2", "3", "1", "--json")) == {
        "runs": [1, 2, 3],
        "config": {"lr": [0.1, 0.1, 0.2], "extra": [None, None, [1]], "seed": [1, 2, 1]},
        "facts": {
            "status": ["completed", "completed", "failed"],
            "cause": [None, None, "killed"],
            "overrides": [["seed=1"], ["seed=2"], ["seed=1"]],
        },
        "metrics": {"train.loss": [1.0, 0.0, None], "train.acc": [None, None, 1]},
    }


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["1", "9"], "typedxp: There is no run 9 in logs."),
        (["1"], "Name two runs or more."),
        (["1", "1"], "Name two runs or more."),
        (["1", "x"], "'x' is not a valid integer"),
        (["1", "2", "--logs", "nowhere"], "typedxp: There is no"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_code_2(typed, arguments, reason):
    assert reason in typed("diff", *arguments, code=2)


def test_runs_of_other_tools_are_listed_and_compared_too(typed):
    logs = str(Path(__file__).parents[1] / "results" / "sources" / "hydra_jobs")

    found = json.loads(typed("diff", "0", "3", "--json", "--logs", logs))
    assert (found["config"]["optimizer"], found["config"]["seed"]) == (["sgd", "adam"], [0, 1])
    assert (
        typed("ls", "--columns", "run", "--where", "optimizer == 'adam' and seed == 1", "--logs", logs) == "run\n  3\n"
    )
