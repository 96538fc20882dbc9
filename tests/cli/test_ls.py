"""``typedxp ls`` and ``typedxp fields``: which runs, in which order, and what of each."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.results.conftest import StoreBuilder
from typedxp import open_results
from typedxp.cli.main import main
from typedxp.vocabulary.records import RunStatus, Usage


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Three runs in ``logs``; the second failed, the third is of another experiment and ended with another text."""
    monkeypatch.chdir(tmp_path)
    builder = StoreBuilder(tmp_path / "logs")
    for number, status in enumerate([RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.COMPLETED]):
        point = {"lr": float("inf"), "name": "a\x1b[31m"} if number == 2 else {"lr": 0.1 * (2 - number)}
        config = {"lr": point["lr"], "name": point.get("name", "a, b"), "model": {"width": 10 - number}}
        records = [] if number == 1 else [{"loss": 1 / (number + 3)}]
        experiment = "a_test" if number == 2 else "train"
        directory = builder.add(point, records, status, config=config, experiment=experiment, sweep=str(number))
        usage = Usage(1.5, 0, 0, 1) if number == 0 else None
        directory.write_status(
            replace(directory.read_status(), usage=usage, start="2026-11-20T10:00:00.123+00:00" if number else None)
        )
    return builder


@pytest.fixture
def typed(store, capsys):
    """Type a command; it returns what was printed, and checks the exit code."""

    def run(*arguments, code=0):
        assert main(arguments) == code
        printed = capsys.readouterr()
        return printed.out if code == 0 else printed.err

    return run


def test_ls_shows_id_status_experiment_and_point_in_columns(typed):
    assert typed("ls").splitlines() == [
        "     1  completed      train   lr=0.2 model.width=10",
        "     2  failed         train   lr=0.1 model.width=9",
        '     3  completed      a_test  lr=Infinity name="a\\u001b[31m"',
    ]


def test_ls_and_status_show_what_differs_between_the_runs_of_several_commands_and_the_dataset_agrees(tmp_path, capsys):
    builder = StoreBuilder(tmp_path / "logs")
    for lr in (0.1, 1):
        for seed in range(2):
            builder.add({"seed": seed}, config={"lr": lr, "seed": seed, "epochs": 5}, sweep=str(lr))
    logs = ["--logs", str(tmp_path / "logs")]

    assert main(["ls", *logs]) == 0
    listed = capsys.readouterr().out
    assert main(["status", *logs]) == 0
    stood = capsys.readouterr().out
    assert main(["ls", "--where", "lr == 1", *logs]) == 0
    of_one = capsys.readouterr().out

    assert [line.split()[3:] for line in listed.splitlines()] == [
        [f"seed={seed}", f"lr={lr}"] for lr in ("0.1", "1") for seed in range(2)
    ]
    assert [line.split("  ")[-1] for line in stood.splitlines()] == [
        f"seed={seed} lr={lr}" for lr in ("0.1", "1") for seed in range(2)
    ]
    assert [line.split()[3:] for line in of_one.splitlines()] == [["seed=0"], ["seed=1"]]
    assert set(open_results(tmp_path / "logs").coords) >= {"seed", "lr"}


def test_a_long_value_is_cut_on_a_line_and_whole_for_programs(store, typed):
    store.add({"name": "x" * 1000}, config={"name": "x" * 1000})

    assert f"name={'x' * 77}...\n" in typed("ls")
    assert "x" * 1000 in typed("ls", "--json")


def test_columns_may_be_named_one_by_one(typed):
    assert typed("ls", "--columns", "run", "--columns", "status") == typed("ls", "--columns", "run,status")


def test_ls_where_sort_and_limit(typed):
    def ids(*arguments):
        return [row["id"] for row in json.loads(typed("ls", "--json", *arguments))]

    assert ids("--where", "status == 'completed' & lr < 1") == [1]
    assert ids("--where", "loss.last < 0.3") == [3]
    assert ids("--sort", "lr") == [2, 1, 3]
    assert ids("--sort", "-lr") == [3, 1, 2]
    assert ids("--sort", "-status", "--sort", "-run") == [2, 3, 1]
    assert ids("--sort", "status,-run") == [3, 1, 2]
    # What is not there comes last, in both directions.
    assert ids("--sort", "wall,run") == ids("--sort", "-wall,run") == [1, 2, 3]
    assert ids("--sort=-train.loss.last", "--limit", "2") == [1, 3]
    assert ids("--limit", "0") == []


def test_values_of_all_kinds_have_an_order(store, typed):
    for value in (None, "b", 3, True, float("nan"), [1], 2.5, "a", {"x": 1}):
        store.add({"odd": value}, config={"odd": value})

    rows = json.loads(typed("ls", "--json", "--columns", "odd", "--sort", "config.odd"))

    assert [row["odd"] for row in rows[:9]] == [True, 2.5, 3, "NaN", "a", "b", [1], {"x": 1}, None]


def test_ls_shows_the_columns_that_are_asked_for(typed):
    assert typed("ls", "--columns", "run,width, train.loss.last,start,name").splitlines() == [
        "run  width  train.loss.last  start                name",
        "  1     10         0.333333                       a, b",
        "  2      9                   2026-11-20 10:00:00  a, b",
        '  3      8              0.2  2026-11-20 10:00:00  "a\\u001b[31m"',
    ]


def test_json_and_csv_hold_exact_values(typed):
    rows = json.loads(typed("ls", "--json", "--columns", "run,lr,loss.last,start"))
    assert rows[0] == {"run": 1, "lr": 0.2, "loss.last": 1 / 3, "start": None}
    assert rows[2]["lr"] == "Infinity"

    table = list(csv.reader(io.StringIO(typed("ls", "--csv"))))
    assert table[0] == ["run", "status", "experiment", "config.lr", "config.model.width", "config.name"]
    assert table[1] == ["1", "completed", "train", "0.2", "10", ""]
    assert table[3] == ["3", "completed", "a_test", "Infinity", "", "a\x1b[31m"]
    [_, row] = csv.reader(io.StringIO(typed("ls", "--csv", "--columns", "name,loss.last,cause", "--limit", "1")))
    assert row == ["a, b", repr(1 / 3), ""]


def test_a_condition_that_no_run_meets_lists_nothing_and_says_why(store, capsys):
    for option, printed in (("--json", "[]\n"), ("--csv", "run,status,experiment\n"), ("--limit=3", "")):
        assert main(["ls", "--where", "lr < 1 and status == 'lost'", option]) == 0
        out, err = capsys.readouterr()
        assert out == printed
        assert "None of 3 runs meets" in err
        assert "lr < 1 holds for 2, status == 'lost' holds for 0." in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--where", "stats == 'x'"], "typedxp: No run has a field 'stats'. Did you mean status?"),
        (["--where", "lr <"], "typedxp: 'lr <' cannot be read as a condition"),
        (["--where", "lr < 'x'"], "cannot be compared"),
        (["--sort", "-widht"], "typedxp: No run has a field 'widht'. Did you mean width?"),
        (["--columns", "run,stats"], "Did you mean status?"),
        (["--csv", "--json"], "Choose one of --json and --csv."),
        (["--limit", "-1"], "Invalid value for '--limit'"),
        (["--logs", "nowhere"], "typedxp: There is no directory nowhere."),
    ],
)
def test_what_is_wrong_is_refused_with_code_2(typed, arguments, reason):
    assert reason in typed("ls", *arguments, code=2)


def test_a_directory_without_runs_is_refused_with_code_2(typed, tmp_path):
    (tmp_path / "empty").mkdir()

    for command in ("ls", "fields"):
        assert "typedxp: empty holds no runs" in typed(command, "--logs", "empty", code=2)


def test_fields_lists_what_can_be_asked(typed):
    lines = typed("fields").splitlines()

    assert lines[0].split() == ["field", "type", "runs", "values", "examples"]
    assert "status                   text      3       2  'completed', 'failed'" in lines
    assert any(line.split() == ["metrics.train.loss.last", "float", "2"] for line in lines)
    assert any(line.startswith("config.model.width ") for line in lines)
    rows = {row["name"]: row for row in json.loads(typed("fields", "--json"))}
    assert rows["config.model.width"] == {
        "name": "config.model.width", "type": "int", "runs": 3, "values": 3, "examples": ["10", "9", "8"],
    }  # fmt: skip
    assert rows["metrics.train.loss.last"]["values"] is None


@pytest.mark.parametrize("command", [["ls", "--where", "lr < 1"], ["fields"]])
def test_without_metrics_neither_xarray_nor_pandas_is_loaded(store, command):
    leave = "import atexit, sys; atexit.register(lambda: print(*sys.modules))"
    code = f"{leave}; from typedxp.cli.main import main; main({command!r})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    loaded = set(printed.splitlines()[-1].split())
    assert "typedxp.results.runs.listing" in loaded
    assert loaded.isdisjoint({"xarray", "pandas", "netCDF4"})
