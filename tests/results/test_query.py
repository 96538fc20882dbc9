"""Conditions on runs: what they may speak of, which runs meet them, and what is said where they are wrong."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from typedxp import ResultsError, open_results
from typedxp.results.runs.history import History
from typedxp.vocabulary.records import Code, Failure, RunStatus, Status, Usage

pytestmark = pytest.mark.filterwarnings("ignore:The runs come from:typedxp.results.problems.ResultsWarning")


def update(directory, **changes):
    """Change what run.json or status.json says."""
    known = {name: value for name, value in changes.items() if name in Status.__dataclass_fields__}
    directory.write_status(replace(directory.read_status(), **known))
    file = directory.path / "run.json"
    others = {name: value for name, value in changes.items() if name not in known}
    file.write_text(json.dumps(json.loads(file.read_text()) | others))


@pytest.fixture
def runs(store):
    """Four runs: of two optimizers, the third failed without a metric, the last one is of another day and commit."""
    for number, (kind, lr) in enumerate([("sgd", 0.1), ("sgd", 0.01), ("adam", 0.1), ("adam", 0.01)]):
        optimizer = {"lr": lr} if kind == "sgd" else {"lr": lr, "betas": [0.9, 0.99]}
        records = [{"epoch": 0, "loss": 1.0 + number}, {"epoch": 1, "loss": float("nan")}] if number != 2 else []
        directory = store.add(
            {"optimizer": kind, "optimizer.lr": lr},
            [*records, {"epoch": 2, "loss": 0.5 * number, "train/acc": number}] if records else [],
            RunStatus.FAILED if number == 2 else RunStatus.COMPLETED,
            config={"optimizer": optimizer, "seed": 7, "data": {"name": "mnist", "lr": None}},
            choices={"optimizer": kind},
        )
        update(
            directory,
            start=f"2026-11-2{number // 3}T10:00:00.000+00:00",
            cause="MemoryError: no room" if number == 2 else None,
            failure=Failure("MemoryError", "no room", "") if number == 2 else None,
            usage=Usage(10.0 * number, 0, 0, 1000),
            tags=["paper", "v2"] if number == 0 else [],
            code=vars(Code("/home/user", ("a" if number < 3 else "b") * 40, "main", number == 0)),
        )
    return store


def ids(store, where):
    return open_results(store.path, where=where, layout="runs").run.values.tolist()


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("status == 'completed' and config.optimizer.lr < 0.1 and config.seed in [0, 7]", [2, 4]),
        ("status != 'completed' | run in (1, 4)", [1, 3, 4]),
        ("~(status == 'failed') & 0 < config.optimizer.lr <= 0.01", [2, 4]),
        ("optimizer == 'adam' or run == 1", [1, 3, 4]),
        ("config.optimizer != 'adam'", [1, 2]),
        ("optimizer.lr == 0.1", [1, 3]),
        ("seed == 7 and name == 'mnist' and run < 3", [1, 2]),
        ("data.lr == None and `config.data.name` == 'mnist'", [1, 2, 3, 4]),
        ("optimizer.betas == [0.9, 0.99]", [3, 4]),
        ("`optimizer.betas.1` > 0.9 and 0.9 in optimizer.betas", [3, 4]),
        ("optimizer.betas == null", [1, 2]),
        ("'paper' in tags", [1]),
        ("not 'paper' in tags", [2, 3, 4]),
        ("'Memory' in cause", [3]),
        ("cause == null and error == null and signal == null", [1, 2, 4]),
        ("error == 'MemoryError'", [3]),
        ("wall >= 20 and peak_memory * 2 == 2000", [3, 4]),
        ("code.dirty", [1]),
        ("code == 'bbbbbbbb' and code.branch == 'main'", [4]),
        ("environment.host == 'host' and environment.python > '3.1' and experiment == 'train'", [1, 2, 3, 4]),
        ("start < '2026-11-21'", [1, 2, 3]),
        ("'2026-11-20T09:00' < start < '2026-11-20T12:00+01:00'", [1, 2, 3]),
        ("start >= '2026-11-20T10:00' and start <= '2026-11-20T10:00Z'", [1, 2, 3]),
        ("start > '2026-11-20T10:00'", [4]),
        ("start > '2026-11' and start < '2027'", [1, 2, 3, 4]),
        ("start > created", [4]),
        ("end > start or end == null", [1, 2, 3, 4]),
        ("metrics.train.loss.last < 1", [1, 2]),
        ("train.loss.min < 1", [1, 2]),
        ("train.loss.max >= 2 and optimizer.lr < 0.1", [2, 4]),
        ("loss.max - loss.last > 2", [4]),
        ("loss.last == null", [3]),
        ("epoch.last == 2", [1, 2, 4]),
        ("`train.train/acc.last` > 0", [2, 4]),
    ],
)
def test_a_condition_chooses_runs(runs, where, expected):
    assert ids(runs, where) == expected


def test_what_is_left_makes_the_dimensions(runs):
    dataset = open_results(runs.path, where="optimizer == 'sgd'")

    assert dataset["train.loss"].sel(lr=0.01).max() == 2
    assert dataset.sizes["lr"] == 2


def test_facts_come_before_the_config_and_the_config_before_metrics(store):
    store.add({"status": 1}, [{"x": 5}], config={"status": 1, "train": {"x": {"last": 3}}})

    assert ids(store, "status == 'completed' and config.status == 1") == [1]
    assert ids(store, "train.x.last == 3 and metrics.train.x.last == 5") == [1]


def test_a_condition_may_choose_the_experiment(store):
    store.add({"seed": 1}, config={"seed": 1}, experiment="train")
    store.add({"seed": 1}, config={"seed": 1}, experiment="test")

    assert ids(store, "experiment == 'test'") == [2]
    with pytest.raises(ResultsError, match="holds runs of 2 experiments"):
        ids(store, "seed == 1")
    with pytest.raises(ResultsError, match="None of 1 run meets \"experiment == 'test'\""):
        open_results(store.path, experiment="train", where="experiment == 'test'")


def test_metrics_are_read_only_for_runs_for_which_the_rest_holds(runs):
    for number in (1, 4):
        shutil.rmtree(runs.path / str(number) / "metrics")

    assert ids(runs, "train.loss.last < 10 and run == 2") == [2]


def test_text_among_the_values_of_a_metric_has_a_last_one_and_no_extremes(store):
    store.add({"seed": 0}, [{"note": "a", "mixed": 1}, {"note": "b", "mixed": "x"}, {"mixed": -1.5}])

    assert ids(store, "note.last == 'b' and mixed.last == -1.5 and mixed.max == 1") == [1]
    with pytest.raises(ResultsError, match=r"No run has a field 'note\.max'"):
        ids(store, "note.max == 'b'")


def test_a_metric_without_any_number_has_no_value(store):
    store.add({"seed": 0}, [{"loss": float("nan")}, {"loss": None}])
    store.add({"seed": 1}, [{"loss": 2}, {"loss": True}])

    assert ids(store, "loss.last == null and loss.min == null and loss.max == null") == [1]


def test_arrays_are_no_numbers(store):
    store.add({"seed": 0}, [{"image": [[1, 2], [3, 4]], "loss": 1}])

    with pytest.raises(ResultsError, match=r"No run has a field 'image\.last'"):
        ids(store, "image.last == 1")


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("config.optimzer.lr < 1", r"No run has a field 'config.optimzer.lr'. Did you mean config.optimizer.lr\?"),
        ("stats == 'completed'", r"Did you mean status\? `typedxp fields` and typedxp.fields\('.*logs'\) list all"),
        ("status == completed", "No run has a field 'completed'.*text is written in quotes"),
        ("train.los.last < 1", r"Did you mean metrics.train.loss.last\?"),
        ("lr < 1", "'lr' may be one of config.optimizer.lr, config.data.lr: write more of it"),
        (
            "optimizer.lr < 'a'",
            r"optimizer.lr = 0.1 \(a number\) cannot be compared with 'a' \(text\). This is so in run",
        ),
        ("start > 'yesterday'", "'yesterday' is no time. Write it as '2026-11-01'"),
        ("start == '2026-11-20'", "a time is compared by <, <=, > and >="),
        ("start > 3", "start = 2026-11-20T10:00:00.* cannot be compared with 3"),
        ("open('x')", "a condition has no call. It has keys, numbers, text"),
        ("status.upper() == 'x'", "a condition has no call"),
        ("[].x == 1", "dots are for keys only"),
        ("[x for x in tags]", "a condition has no listcomp"),
        ("lambda: status", "cannot be read as a condition|a condition has no lambda"),
        ("(x := status) == 'x'", "a condition has no namedexpr"),
        ("f'{status}' == 'x'", "a condition has no"),
        ("1 == 1", "speaks of no field"),
        ("", "cannot be read as a condition"),
        ("status == 'lost'", r"logs: None of 4 runs meets \"status == 'lost'\"\.$"),
        (
            "status == 'completed' & optimizer.lr < 0 and 'x' in tags",
            r"status == 'completed' holds for 3, optimizer.lr < 0 holds for 0, 'x' in tags holds for 0\.$",
        ),
        ("status == 'lost' and cause > 1", r"cause > 1 holds for some only"),
    ],
)
def test_a_wrong_condition_is_refused_with_what_would_be_right(runs, where, reason):
    with pytest.raises(ResultsError, match=reason):
        ids(runs, where)


def test_ten_thousand_values_are_looked_up_once_each(store, monkeypatch):
    for seed in range(20):
        store.add({"seed": seed, "lr": 0.1}, config={"seed": seed, "lr": 0.1})
    asked = []
    monkeypatch.setattr(
        "typedxp.results.runs.query.Condition.holds",
        lambda part, lookup: not asked.append(part.text) or lookup("lr") == 0.1,
    )

    assert len(ids(store, "lr == 0.1 and status == 'completed' or lr == 2")) == 20
    assert len(asked) == 1


def test_a_key_may_be_called_by_an_old_name(grid, monkeypatch):
    monkeypatch.setattr(History, "current", lambda _, key: {"rng": "seed"}.get(key, key))

    assert ids(grid, "rng == 2 and config.rng > 1") == ids(grid, "seed == 2")
