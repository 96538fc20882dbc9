"""What wandb's own reader finds in exported runs."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from typedxp.errors import ResultsError
from typedxp.results.export.finished import find_finished
from typedxp.results.export.wandb import export
from typedxp.vocabulary.plan import REDACTED
from typedxp.vocabulary.records import RunStatus

pytestmark = pytest.mark.filterwarnings("ignore")  # what wandb's libraries warn of


@pytest.fixture
def export_all(store, tmp_path):
    pytest.importorskip("wandb", reason="needs wandb: tox -e bridges")
    return lambda: [export(run, tmp_path / "out") for run in find_finished(store.path)]


def inspect(place, *options):
    """Read a run directory as ``wandb leet inspect`` does."""
    [file] = Path(place).glob("*.wandb")
    wandb = Path(sys.executable).with_name("wandb")
    done = subprocess.run(
        [wandb, "leet", "inspect", "--json", *options, file], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


def history(place):
    records = [json.loads(line) for line in inspect(place).splitlines()]
    return [record["history"]["item"] for record in records if record["type"] == "history"]


def series(place, stream, metric):
    rows = [row for row in history(place) if f"{stream}/step" in row]
    return [(row[f"{stream}/step"], row[f"{stream}/{metric}"]) for row in rows]


def test_metrics_are_read_back_with_their_steps(store, export_all):
    store.add(
        {}, {"train": [{"step": 10 * n, "loss": 1 / (3 + n)} for n in range(50)], "test": [{"accuracy": 0.5}] * 2}
    )
    [exported] = export_all()

    assert exported.written
    assert series(exported.place, "train", "loss") == [(10 * n, 1 / (3 + n)) for n in range(50)]
    assert series(exported.place, "test", "accuracy") == [(0, 0.5), (1, 0.5)]


def test_numbers_that_json_lacks_texts_booleans_and_integers_are_read_back(store, export_all):
    store.add({}, [{"loss": math.nan, "gain": -math.inf, "word": "x", "ok": True, "big": 2**53 + 1, "none": None}])
    [exported] = export_all()

    [row] = history(exported.place)

    assert math.isnan(float(row["train/loss"]))
    assert float(row["train/gain"]) == -math.inf
    assert (row["train/word"], row["train/ok"], row["train/big"], row["train/none"]) == ("x", True, 2**53 + 1, None)


def test_arrays_are_read_back(store, export_all):
    directory = store.add({})
    directory.metrics.mkdir(exist_ok=True)
    (directory.metrics / "test.jsonl").write_bytes(b'{"confusion":[[1,2],[3,"NaN"]]}\n')
    [exported] = export_all()

    [row] = history(exported.place)

    assert str(row["test/confusion"]).replace("'", "").lower() == "[[1, 2], [3, nan]]"


def test_config_tags_and_status_are_read_back_and_secrets_stay_redacted(store, export_all):
    store.add({}, config={"optimizer": {"lr": 0.1, "betas": [0.9, 0.99]}, "token": REDACTED})
    store.add({}, status=RunStatus.FAILED)

    first, second = (json.loads(inspect(exported.place, "--summary")) for exported in export_all())

    assert first["config"] == {"optimizer": {"lr": 0.1, "betas": [0.9, 0.99]}, "token": REDACTED}
    assert (first["project"], first["name"], first["run_id"], first["tags"]) == (
        "train",
        "train-1",
        "1-a",
        ["completed"],
    )
    assert first["summary"]["typedxp/digest"] == "same"
    assert (first["exit_code"], second["exit_code"]) == (0, 1)
    assert second["summary"]["typedxp/status"] == "failed"


def test_a_run_is_exported_once_and_leaves_nothing_else(store, export_all, tmp_path):
    store.add({}, [{"loss": 1.0}])
    export_all()
    store.add({}, [{"loss": 2.0}])

    assert [exported.written for exported in export_all()] == [False, True]
    assert len(list((tmp_path / "out" / "wandb").iterdir())) == 2


def test_what_wandb_refuses_is_told_in_its_words(store, export_all, tmp_path):
    store.add({}, experiment="a/b")

    with pytest.raises(ResultsError, match=r"wandb refuses run 1: .*a/b"):
        export_all()

    assert list((tmp_path / "out" / "wandb").iterdir()) == []
