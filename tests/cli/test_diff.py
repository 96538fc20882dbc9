"""``typedxp diff``: what differs between runs."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import COMMIT
from tests.conftest import shell_in
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


def test_a_damaged_run_cannot_be_compared(typed):
    Path("logs/2/status.json").write_text("{")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        told = typed("diff", "1", "2", code=2)
    assert "Left out 1 damaged run or file of logs: 2." in told
    assert "Run 2 of logs cannot be compared: what is recorded of it is damaged." in told


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
        "The same: environment, data.",
        "Not recorded of both: code.",
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


SCRIPT = """
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, lr: float = 0.1, data: typedxp.InputPath = "data.csv") -> None:
    run.log(loss=lr)

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture(scope="module")
def made(original):
    """Make two runs of two versions of the code and the data; one more of the second."""
    project, shell = original.project, shell_in(original.project)
    (project / ".gitignore").write_text("logs/\ndata.csv\nother/\n")
    (project / "train.py").write_text(SCRIPT)
    (project / "data.csv").write_text("a\n")
    (project / "raw").write_bytes(b"\0\1")
    shell(COMMIT)
    shell("python train.py")
    (project / "train.py").write_text(SCRIPT.replace("loss=lr", "loss=2 * lr"))
    (project / "data.csv").write_text("a\nb\n")
    (project / "raw").write_bytes(b"\0\2")
    shell("python train.py && python train.py")
    original.keep()
    return original


@pytest.fixture
def versions(made):
    return made.put_back()


@pytest.fixture
def shell(versions):
    return shell_in(versions)


def test_diff_of_two_runs_shows_what_differs_of_code_and_data(versions, shell):
    said = shell("typedxp diff 1 2")

    lines = said.splitlines()
    start = lines.index("code, from run 1 to run 2")
    assert lines[start + 1 : start + 3] == ["  raw       changed  no text", "  train.py  changed  +1 -1"]
    assert "-    run.log(loss=lr)" in lines
    assert "+    run.log(loss=2 * lr)" in lines
    assert "Binary files a/raw and b/raw differ" in lines
    assert any(line.startswith("  data ") and "(2 bytes)" in line and "(4 bytes)" in line for line in lines)
    assert lines[-1] == "The same: config, environment."
    assert "\x1b[" not in said


def test_diff_of_equal_runs_says_so_in_a_line(versions, shell):
    said = shell("typedxp diff 2 3")

    assert said.splitlines()[-1] == "The same: config, code, environment, data."
    assert "code," not in said.replace("config, code,", "")


def test_diff_names_the_files_alone_or_shows_every_line(versions, shell):
    (versions / "long.txt").write_text("".join(f"line {number}\n" for number in range(1000)))
    shell("python train.py")

    assert "run.log" not in shell("typedxp diff 1 4 --stat")
    short, full = shell("typedxp diff 1 4"), shell("typedxp diff 1 4 --full")
    assert "more lines: --full shows them" in short
    assert "+line 999" not in short
    assert "+line 999" in full


def test_diff_as_json_tells_the_same(versions, shell):
    found = json.loads(shell("typedxp diff 1 2 --json"))

    assert [(file["path"], file["insertions"]) for file in found["code"]["files"]] == [("raw", None), ("train.py", 1)]
    assert "+    run.log(loss=2 * lr)\n" in found["code"]["patch"]
    assert [record["size"] for record in found["data"]["data"]] == [2, 4]
    assert found["environment"] == []


def test_diff_finds_the_code_of_a_repository_that_was_moved(versions, shell):
    shell("mkdir other && mv .git other/.git")

    assert "code: The snapshot" in (said := shell("typedxp diff 1 2"))
    assert "--repository PATH" in said
    assert "+    run.log(loss=2 * lr)" in shell("typedxp diff 1 2 --repository other")
