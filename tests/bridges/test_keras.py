"""Keras, for real: a tiny model is trained, with PyTorch below it."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def keras(monkeypatch):
    pytest.importorskip("torch", reason="needs torch: tox -e bridges")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras", reason="needs keras: tox -e bridges")


@pytest.fixture
def callback(keras, run):
    from typedxp.bridges.keras import RunCallback

    return RunCallback(run)


@pytest.fixture
def model(keras):
    made = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    made.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    return made


@pytest.fixture
def data():
    return np.ones((6, 2), "float32"), np.zeros((6, 1), "float32")


def test_every_epoch_is_a_record_of_train_and_of_val(model, data, callback, records, streams):
    history = model.fit(*data, validation_data=data, epochs=3, verbose=0, callbacks=[callback]).history

    assert streams() == {"train", "val"}
    assert [record["epoch"] for record in records("train")] == [0, 1, 2]
    for stream, prefix in (("train", ""), ("val", "val_")):
        for metric in ("loss", "mae"):
            assert [record[metric] for record in records(stream)] == history[prefix + metric]


def test_an_evaluation_by_itself_is_a_record_of_test(model, data, callback, records):
    model.fit(*data, epochs=1, verbose=0, callbacks=[callback])
    measured = model.evaluate(*data, verbose=0, callbacks=[callback], return_dict=True)

    assert records("test") == [measured]


def test_an_evaluation_after_a_fit_that_was_cut_off_is_recorded(keras, model, data, callback, records):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, epochs=1, verbose=0, callbacks=[Stop(), callback])
    model.evaluate(*data, verbose=0, callbacks=[callback])

    assert len(records("test")) == 1
