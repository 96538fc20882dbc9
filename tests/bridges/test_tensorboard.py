"""The writer that speaks like TensorBoard's, which needs nothing of TensorBoard."""

from __future__ import annotations

import inspect
import math
from threading import Thread

import numpy as np
import pytest

import typedxp
from typedxp.bridges.recorder import BridgeWarning
from typedxp.bridges.tensorboard import SummaryWriter
from typedxp.errors import RecordError


@pytest.fixture
def writer(run):
    return SummaryWriter(run)


def test_a_tag_is_a_stream_and_a_metric(writer, records, streams):
    writer.add_scalar("train/loss", 0.5, 1)
    writer.add_scalar("val/top/accuracy", 0.7, 1)
    writer.add_scalar("lr", 0.1, 1)
    writer.close()

    assert streams() == {"train", "val", "main"}
    assert records("train") == [{"step": 1, "loss": 0.5}]
    assert records("val") == [{"step": 1, "top/accuracy": 0.7}]
    assert records("main") == [{"step": 1, "lr": 0.1}]


@pytest.mark.parametrize("tag", ["/loss", "train/", "my train/loss", "../loss", "-/loss", "é/loss"])
def test_a_tag_that_begins_with_no_possible_stream_is_a_metric_as_a_whole(writer, records, tag):
    writer.add_scalar(tag, 0.5, 1)
    writer.close()

    assert records("main") == [{"step": 1, tag: 0.5}]


def test_values_of_the_same_step_are_one_record(writer, records):
    for step in range(2):
        writer.add_scalar("train/loss", 0.5 - step, step)
        writer.add_scalar("train/accuracy", 0.1 + step, step)
    writer.close()

    assert records("train") == [{"step": 0, "loss": 0.5, "accuracy": 0.1}, {"step": 1, "loss": -0.5, "accuracy": 1.1}]


def test_a_value_that_comes_twice_at_a_step_is_kept_twice(writer, records):
    writer.add_scalar("train/loss", 0.5, 3)
    writer.add_scalar("train/loss", 0.4, 3)
    writer.close()

    assert records("train") == [{"step": 3, "loss": 0.5}, {"step": 3, "loss": 0.4}]


def test_a_step_is_on_disk_when_the_next_one_begins_and_after_a_flush(writer, records):
    writer.add_scalar("train/loss", 0.5, 0)
    writer.add_scalar("train/loss", 0.4, 1)
    assert records("train") == [{"step": 0, "loss": 0.5}]

    writer.flush()
    assert len(records("train")) == 2


def test_a_writer_that_is_never_closed_loses_nothing(run, records):
    def train():
        SummaryWriter(run).add_scalar("train/loss", 0.5, 0)

    train()

    assert records("train") == [{"step": 0, "loss": 0.5}]


def test_values_from_several_threads_are_all_there(writer, records):
    def log(thread):
        for step in range(100):
            writer.add_scalar(f"train/{thread}", step, step)

    threads = [Thread(target=log, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()

    for n in range(4):
        assert [(row["step"], row[str(n)]) for row in records("train") if str(n) in row] == [(s, s) for s in range(100)]


def test_values_without_a_step_are_records_of_their_own(writer, records):
    writer.add_scalar("train/loss", 0.5)
    writer.add_scalar("train/accuracy", 0.1)

    assert records("train") == [{"loss": 0.5}, {"accuracy": 0.1}]


def test_a_metric_called_step_does_not_hide_the_step(writer, records):
    writer.add_scalar("train/step", 0.5, 4)
    writer.close()

    assert records("train") == [{"step": 4, "step_": 0.5}]


def test_several_scalars_and_texts_are_recorded_too(writer, records):
    with writer:
        writer.add_scalars("loss", {"train": 0.1, "val": np.float32(0.5)}, global_step=np.int64(2), walltime=1.0)
        writer.add_text("sample/text", "Hello", 2)

    assert records("loss") == [{"step": 2, "train": 0.1, "val": 0.5}]
    assert records("sample") == [{"step": 2, "text": "Hello"}]


def test_arrays_of_one_number_are_that_number_and_larger_ones_are_refused(writer, records):
    writer.add_scalar("train/loss", np.array([math.nan]), 0)
    writer.flush()

    assert records("train") == [{"step": 0, "loss": "NaN"}]
    with pytest.raises((RecordError, ValueError)):
        writer.add_scalar("train/loss", np.zeros(3), 0)


def test_hyperparameters_that_the_config_holds_are_recorded_already(writer, records):
    writer.add_hparams({"lr": 0.1, "optimizer.betas": [0.9, 0.999], "seed": 0.0, "token": "any"}, {"hparam/best": 0.9})

    assert records("hparam") == [{"best": 0.9}]


def test_other_hyperparameters_are_warned_of_without_showing_what_may_be_secret(writer):
    with pytest.warns(BridgeWarning) as warned:
        writer.add_hparams({"lr": 0.2, "key": "hush"}, {})

    [message] = [str(warning.message) for warning in warned]
    assert "lr = 0.2 (in the config: optimizer.lr = 0.1); key (not in the config)" in message
    assert "hush" not in message


def test_what_a_run_does_not_record_is_warned_of_once(writer):
    with pytest.warns(BridgeWarning, match="add_video is left out of run 7") as warned:
        [writer.add_video("samples", np.zeros((1, 2, 3, 4, 4)), step) for step in range(2)]

    assert len(warned) == 1


def test_a_misspelt_method_is_an_error(writer):
    with pytest.raises(AttributeError, match="add_scaler"):
        writer.add_scaler("train/loss", 0.5)


def test_arrays_are_artifacts(writer, run):
    writer.add_histogram("net/weights", np.arange(3), 5)
    writer.add_tensor("net/bias", np.zeros(2))

    assert run.load_artifact("net/weights/5.npy").tolist() == [0, 1, 2]
    assert run.load_artifact("net/bias.npy").tolist() == [0, 0]


def test_tensors_of_torch_are_artifacts_too(writer, run):
    torch = pytest.importorskip("torch", reason="needs torch: tox -e bridges")

    writer.add_histogram("weights", torch.nn.Parameter(torch.ones(3)), 5)

    assert run.load_artifact("weights/5.npy").tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("shape", "axes", "kept"),
    [((3, 4, 5), "CHW", (4, 5, 3)), ((4, 5, 3), "HWC", (4, 5, 3)), ((1, 4, 5), "CHW", (4, 5)), ((4, 5), "HW", (4, 5))],
)
def test_images_are_artifacts(writer, run, shape, axes, kept):
    pytest.importorskip("PIL", reason="needs pillow: pip install 'typedxp[artifacts]'")

    writer.add_image("sample", np.full(shape, 0.5), 5, dataformats=axes)
    writer.add_image("bytes", np.full(shape, 200), dataformats=axes)

    image = np.asarray(run.load_artifact("sample/5.png"))
    assert (image.shape, image.max()) == (kept, 127)
    assert np.asarray(run.load_artifact("bytes.png")).min() == 200


def test_figures_are_artifacts_and_closed(writer, run):
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="needs matplotlib: pip install 'typedxp[artifacts]'")
    first, second, open_one = pyplot.figure(), pyplot.figure(), pyplot.figure()

    writer.add_figure("curve", first, 5)
    writer.add_figure("several", [second, open_one], 5, close=False)

    assert first.number not in pyplot.get_fignums()
    assert {second.number, open_one.number} <= set(pyplot.get_fignums())
    pyplot.close("all")
    assert [run.load_artifact(f"{name}/5.png").is_file() for name in ("curve", "several/0", "several/1")] == [True] * 3


def test_results_are_dense_along_the_steps(tmp_path):
    @typedxp.experiment
    def train(run: typedxp.Run, lr: float = 0.1) -> None:
        writer = SummaryWriter(run)
        for step in range(0, 30, 10):
            writer.add_scalar("train/loss", lr * step, step)
            writer.add_scalar("train/accuracy", 1 - lr, step)
        writer.close()

    results = train.sweep({"lr": [0.1, 0.2]}, xp={"logs": str(tmp_path / "logs")}).results()

    assert results["train.loss"].values.tolist() == [[0, 1, 2], [0, 2, 4]]
    assert results["train.accuracy"].notnull().all()
    assert results["train.step"].values.tolist() == [0, 10, 20]


def test_every_method_of_the_original_is_there_and_takes_the_same_arguments(writer):
    original = pytest.importorskip(
        "torch.utils.tensorboard", reason="needs torch and tensorboard: tox -e bridges"
    ).SummaryWriter
    methods = {name: method for name, method in inspect.getmembers(original, callable) if not name.startswith("_")}
    assert "add_scalar" in methods

    for name, method in methods.items():
        given = [parameter for parameter in inspect.signature(method).parameters.values() if parameter.name != "self"]
        inspect.signature(getattr(writer, name)).bind(**{parameter.name: None for parameter in given})
