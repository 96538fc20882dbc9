"""What TensorBoard's own reader finds in exported runs."""

from __future__ import annotations

import math

import pytest

from typedxp.results.export.finished import find_finished
from typedxp.results.export.tensorboard import export
from typedxp.vocabulary.plan import REDACTED
from typedxp.vocabulary.records import RunStatus

pytestmark = pytest.mark.filterwarnings("ignore")  # what TensorBoard's libraries warn of


@pytest.fixture
def export_all(store, tmp_path):
    pytest.importorskip("tensorboard", reason="needs tensorboard: tox -e bridges")
    return lambda: [export(run, tmp_path / "out") for run in find_finished(store.path)]


@pytest.fixture
def open_run(export_all, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(name):
        accumulator = EventAccumulator(str(tmp_path / "out" / name), size_guidance={"tensors": 0})
        accumulator.Reload()
        return accumulator

    return read


@pytest.fixture
def read(open_run):
    from tensorboard.util.tensor_util import make_ndarray

    def series(name, tag):
        return [(event.step, make_ndarray(event.tensor_proto).item()) for event in open_run(name).Tensors(tag)]

    return series


def test_metrics_are_read_back_with_their_steps_and_every_bit(store, export_all, read):
    store.add(
        {}, {"train": [{"step": 10 * n, "loss": 1 / (3 + n)} for n in range(50)], "test": [{"accuracy": -math.inf}]}
    )
    [exported] = export_all()

    assert exported.written
    assert read("train-1-a", "train/loss") == [(10 * n, 1 / (3 + n)) for n in range(50)]
    assert read("train-1-a", "test/accuracy") == [(0, -math.inf)]


def test_nan_texts_booleans_and_integers_are_read_back(store, export_all, read):
    store.add({}, [{"loss": math.nan, "word": "x", "ok": True, "huge": 10**400, "none": None}])
    [exported] = export_all()

    [(step, loss)] = read("train-1-a", "train/loss")
    assert step == 0
    assert math.isnan(loss)
    assert read("train-1-a", "train/word") == [(0, b"x")]
    assert read("train-1-a", "train/ok") == [(0, 1.0)]
    assert read("train-1-a", "train/huge") == [(0, math.inf)]
    assert exported.notes == (
        "run 1: TensorBoard holds numbers and texts only, so other values of these are left out: train/none",
    )


def test_config_tags_and_status_are_read_back_and_secrets_stay_redacted(store, export_all, open_run, read):
    from tensorboard.plugins.hparams import api_pb2, metadata

    store.add({}, config={"optimizer": {"lr": 0.1, "nesterov": True}, "token": REDACTED, "none": None})
    store.add({}, status=RunStatus.FAILED)
    export_all()

    start, end = (
        open_run("train-1-a").SummaryMetadata(tag).plugin_data.content
        for tag in (metadata.SESSION_START_INFO_TAG, metadata.SESSION_END_INFO_TAG)
    )
    values = metadata.parse_session_start_info_plugin_data(start).hparams
    failed = open_run("train-2-a").SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content

    assert values["optimizer.lr"].number_value == 0.1
    assert values["optimizer.nesterov"].bool_value is True
    assert values["token"].string_value == REDACTED
    assert values["none"].string_value == "None"
    assert metadata.parse_session_end_info_plugin_data(end).status == api_pb2.STATUS_SUCCESS
    assert metadata.parse_session_end_info_plugin_data(failed).status == api_pb2.STATUS_FAILURE
    assert read("train-2-a", "typedxp/status") == [(0, b"failed")]


def test_a_run_is_exported_once_and_leaves_nothing_else(store, export_all, tmp_path):
    store.add({}, [{"loss": 1.0}])
    export_all()
    store.add({}, [{"loss": 2.0}])

    assert [exported.written for exported in export_all()] == [False, True]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["train-1-a", "train-2-a"]
    assert len(list((tmp_path / "out" / "train-1-a").iterdir())) == 1


def test_an_export_that_fails_leaves_nothing(store, export_all, tmp_path):
    (store.add({}).path / "config.yaml").unlink()

    with pytest.raises(Exception, match=r"config.yaml cannot be read"):
        export_all()

    assert list((tmp_path / "out").iterdir()) == []
