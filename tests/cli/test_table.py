"""``typedxp table``: what goes where, which value counts of a run, and the files it becomes."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

from typedxp.results.analysis.trace import trace

GAPS = (
    "typedxp: Points without a completed run: failed: 1, missing: 1. What such runs logged counts, "
    "unless --where \"status == 'completed'\" leaves them out.\n"
)


def test_a_table_has_the_keys_that_have_no_other_place_as_rows(typed):
    printed = typed("table", "train.loss", "--over", "seed", "--columns", "optimizer", "--digits", "2")

    assert printed.out.splitlines() == [
        "train.loss, mean ± std over seed (n = 2-3)",
        "optimizer          sgd         adam",
        "step size                          ",
        "0.1        0.00 ± 1.00  0.17 ± 2.08",
        "0.2        1.50 ± 0.71  0.50 ± 1.00",
    ]
    assert printed.err == GAPS


def test_runs_that_did_not_complete_can_be_left_out(typed):
    printed = typed("table", "train.loss", "--over", "seed", "-r", "lr,optimizer", "--where", "status == 'completed'")

    assert [line.split()[-3:] for line in printed.out.splitlines()[3:]] == [
        ["0.0", "±", "1.0"],
        ["-1.0", "±", "0.7"],
        ["1.5", "±", "0.7"],
        ["0.5", "±", "1.0"],
    ]
    assert printed.err == "typedxp: Points without a completed run: missing: 2.\n"


@pytest.mark.parametrize(
    ("step", "mean"), [("last", 0.0), ("best-min", 0.0), ("best-max", 2.0), ("1", 1.0), ("0", 2.0)]
)
def test_step_says_which_value_of_a_run_counts(typed, step, mean):
    where = "optimizer == 'sgd' and lr == 0.1"
    printed = typed("table", "train.loss", "--over", "seed", "--step", step, "--where", where, "--format", "csv")

    [line] = [line for line in printed.out.splitlines() if line.endswith(",3")]
    assert float(line.split(",")[-3]) == pytest.approx(mean)
    assert printed.err == ""


def test_without_over_every_run_is_shown(typed):
    printed = typed("table", "train.loss", "-c", "seed", "--where", "optimizer == 'sgd'", "--digits", "0")

    assert [line.split() for line in printed.out.splitlines()[3:]] == [["0.1", "-1", "0", "1"], ["0.2", "–", "1", "2"]]  # noqa: RUF001


def test_combinations_that_no_run_has_are_left_out(typed, sweep):
    sweep.add({"lr": 0.3, "optimizer": "lion", "seed": 0}, [{"loss": 7}], config={"seed": 0}, sweep="b")

    printed = typed("table", "train.loss", "--over", "seed")

    assert [line.split()[-4 if "±" in line else -2] for line in printed.out.splitlines()[3:]] == [
        *("sgd", "adam", "sgd", "adam", "lion"),
    ]
    # Of the points in the rows that are shown; two seeds of lion are among them.
    assert "failed: 1, missing: 3." in printed.err


def test_what_is_known_of_runs_has_a_table_too(typed):
    printed = typed("table", "attempt", "--over", "seed,lr", "-r", "optimizer", "--where", "status == 'completed'")

    assert printed.out.startswith("how often the run was started, mean ± std over seed, lr (n = 6)\n")


@pytest.mark.parametrize(
    ("name", "sign"), [("t.md", "| ± |"), ("t.tex", r"\toprule"), ("t.html", "<table"), ("t.csv", "lr,optimizer,")]
)
def test_the_format_follows_the_suffix_and_the_file_says_what_made_it(typed, tmp_path, name, sign):
    printed = typed("table", "train.loss", "--over", "seed", "-o", name)

    assert printed.out == f"{name}\n"
    assert sign.strip("| ") in (tmp_path / name).read_text()
    assert trace(tmp_path / name).runs == tuple(range(1, 12))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", name]


def test_csv_holds_the_numbers_as_they_are(typed, tmp_path):
    typed("table", "train.loss", "--over", "seed", "--spread", "sem", "-o", "t.csv")

    frame = pd.read_csv(tmp_path / "t.csv", comment="#").set_index(["lr", "optimizer"])
    assert frame.loc[(0.1, "sgd"), "mean"] == pytest.approx(0)
    assert frame.loc[(0.1, "sgd"), "sem"] == pytest.approx(1 / 3**0.5)
    assert frame["n"].tolist() == [3, 3, 2, 3]


def test_the_format_can_be_forced_and_the_best_marked(typed, tmp_path):
    typed("table", "train.loss", "--over", "seed", "--format", "markdown", "--best", "min", "-o", "t.txt")

    assert "**0.0 ± 1.0**" in (tmp_path / "t.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train.lss"], "There is no variable 'train.lss'. Did you mean train.loss?"),
        (["train.loss", "--over", "sede"], "train.loss has no dimension 'sede'. Did you mean seed?"),
        (["train.loss", "-r", "lr", "--over", "seed"], "varies along optimizer, too: average by --over optimizer, or"),
        (["train.loss", "--rows", "optimiser"], "Did you mean optimizer?"),
        (["train.loss", "--step", "lst"], "No step is called 'lst'. Did you mean last? Or give its number."),
        (["train.loss", "--step", "7"], "train.step has no step 7. It has 3, from 0 to 2"),
        (["train.loss", "--where", "sed == 1"], "No run has a field 'sed'."),
        (["train.loss", "--experiment", "trian"], "Did you mean train?"),
        (["train.loss", "--logs", "elsewhere"], "There is no directory"),
        (["train.loss", "-o", "t.doc"], "t.doc: name a file that ends in .md, .tex, .html, .csv."),
        (["train.loss", "-o", "nowhere/t.md"], "nowhere/t.md cannot be written: there is no directory nowhere."),
        (["train.loss", "--spread", "var"], "'var' is not one of"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(typed, tmp_path, arguments, said):
    printed = typed("table", "-o", "t.md", *arguments, code=2)

    assert said in printed.err
    assert printed.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_a_library_that_is_missing_is_named_with_its_remedy(typed, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)

    printed = typed("table", "train.loss", "--over", "seed", "-o", "t.tex", code=2)

    assert "pip install 'typedxp[analysis]'" in printed.err
    assert not (tmp_path / "t.tex").exists()
