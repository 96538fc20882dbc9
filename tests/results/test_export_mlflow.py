"""What MLflow's own client reads of exported runs."""

from __future__ import annotations

import math

import pytest

from typedxp.errors import ResultsError
from typedxp.results.export.finished import find_finished
from typedxp.results.export.mlflow import export
from typedxp.vocabulary.plan import REDACTED
from typedxp.vocabulary.records import RunStatus

pytestmark = pytest.mark.filterwarnings("ignore")  # what MLflow's libraries warn of


@pytest.fixture
def mlflow(monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return pytest.importorskip("mlflow", reason="needs mlflow: tox -e bridges")


@pytest.fixture
def export_all(store, tmp_path):
    return lambda: [export(run, tmp_path / "out") for run in find_finished(store.path)]


@pytest.fixture
def client(mlflow, tmp_path):
    return lambda: mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'out' / 'mlflow.db'}")


@pytest.fixture
def runs(client):
    def find(experiment="train"):
        found = client().get_experiment_by_name(experiment)
        return client().search_runs([found.experiment_id], order_by=["attributes.run_name"])

    return find


def test_metrics_are_read_back_with_their_steps(store, export_all, client, runs):
    store.add(
        {}, {"train": [{"step": 10 * n, "loss": 1 / (1 + n)} for n in range(1500)], "test": [{"accuracy": math.nan}]}
    )
    [exported] = export_all()

    [run] = runs()
    loss = client().get_metric_history(run.info.run_id, "train/loss")
    [accuracy] = client().get_metric_history(run.info.run_id, "test/accuracy")

    assert exported.written
    assert exported.notes == ()
    assert [(metric.step, metric.value) for metric in loss] == [(10 * n, 1 / (1 + n)) for n in range(1500)]
    assert math.isnan(accuracy.value)
    assert accuracy.step == 0


def test_equal_values_at_equal_steps_are_all_kept(store, export_all, client, runs):
    store.add({}, [{"step": 1, "loss": 0.5, "gain": math.nan}] * 2)
    export_all()

    [run] = runs()

    for metric in ("train/loss", "train/gain"):
        assert len(client().get_metric_history(run.info.run_id, metric)) == 2


def test_config_tags_and_status_are_read_back_and_secrets_stay_redacted(store, export_all, runs):
    config = {"optimizer": {"lr": 0.1, "betas": [0.9, 0.99]}, "token": REDACTED, "odd key!": 1, "odd key?": 2}
    store.add({}, config=config)
    store.add({}, status=RunStatus.OUT_OF_MEMORY)
    store.add({}, status=RunStatus.CANCELLED)
    export_all()

    first, second, third = runs()

    assert first.data.params == {
        "optimizer.lr": "0.1",
        "optimizer.betas": "[0.9, 0.99]",
        "token": REDACTED,
        "odd key_": "1",
        "odd key__": "2",
    }
    assert first.info.run_name == "train-1"
    assert {name: first.data.tags[f"typedxp.{name}"] for name in ("run", "digest", "status")} == {
        "run": "1",
        "digest": "same",
        "status": "completed",
    }
    assert [run.info.status for run in (first, second, third)] == ["FINISHED", "FAILED", "KILLED"]
    assert first.info.start_time == first.info.end_time == 1795176000000


def test_what_mlflow_cannot_hold_is_told(store, export_all, client, runs):
    store.add({}, [{"loss": math.inf, "word": "x", "ok": True, "huge": 2**60 + 1}])
    [exported] = export_all()

    [run] = runs()

    assert run.data.metrics == {
        "train/loss": pytest.approx(1.797e308, rel=1e-3),
        "train/ok": 1.0,
        "train/huge": 2.0**60,
    }
    assert exported.notes == (
        "run 1: MLflow holds numbers only, so other values of these are left out: train/word",
        "run 1: MLflow holds infinities and huge integers as the nearest float: train/huge, train/loss",
    )


def test_a_run_is_exported_once(store, export_all, runs):
    store.add({}, [{"loss": 1.0}])
    export_all()
    store.add({}, [{"loss": 2.0}])

    assert [exported.written for exported in export_all()] == [False, True]
    assert [run.data.metrics["train/loss"] for run in runs()] == [1.0, 2.0]


def test_an_export_that_was_cut_off_is_begun_anew(store, export_all, client, runs):
    store.add({}, [{"loss": 1.0}])
    export_all()
    [cut_off] = runs()
    client().update_run(cut_off.info.run_id, status="RUNNING")

    [exported] = export_all()

    assert exported.written
    [run] = runs()
    assert run.info.run_id != cut_off.info.run_id
    assert run.info.status == "FINISHED"


def test_what_mlflow_refuses_is_told_in_its_words(store, export_all, mlflow):
    store.add({}, [{"x" * 300: 1.0}])

    with pytest.raises(ResultsError, match=r"MLflow refuses run 1: .*250"):
        export_all()
