"""The trainer of Hugging Face transformers, for real: a model of one tiny layer is trained."""

from __future__ import annotations

import pytest

from typedxp.bridges.recorder import BridgeWarning


@pytest.fixture
def transformers():
    pytest.importorskip("accelerate", reason="needs accelerate: tox -e bridges")
    return pytest.importorskip("transformers", reason="needs transformers: tox -e bridges")


@pytest.fixture
def callback(transformers, run):
    from typedxp.bridges.huggingface import RunCallback

    return RunCallback(run)


@pytest.fixture
def trainer(transformers, callback, tmp_path):
    shape = transformers.GPT2Config(
        n_layer=1, n_embd=8, n_head=1, n_positions=8, vocab_size=16, bos_token_id=0, eos_token_id=0
    )
    texts = [{"input_ids": [n, n + 1, n + 2], "labels": [n, n + 1, n + 2]} for n in range(4)]
    arguments = transformers.TrainingArguments(
        str(tmp_path / "hf"),
        num_train_epochs=2,
        per_device_train_batch_size=2,
        logging_steps=1,
        eval_strategy="epoch",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    return transformers.Trainer(
        transformers.GPT2LMHeadModel(shape), arguments, train_dataset=texts, eval_dataset=texts, callbacks=[callback]
    )


def test_a_training_is_recorded_as_the_trainer_logged_it(trainer, records, streams):
    trainer.train()

    history = trainer.state.log_history
    assert streams() == {"train", "eval", "summary"}
    assert records("train") == [entry for entry in history if "loss" in entry]
    assert [record["step"] for record in records("train")] == [1, 2, 3, 4]
    assert [(record["step"], record["epoch"], record["loss"]) for record in records("eval")] == [
        (entry["step"], entry["epoch"], entry["eval_loss"]) for entry in history if "eval_loss" in entry
    ]
    assert len(records("eval")) == 2
    assert [record["train_runtime"] for record in records("summary")] == [history[-1]["train_runtime"]]


def test_what_is_measured_along_with_predictions_is_recorded(trainer, records):
    predicted = trainer.predict(trainer.eval_dataset)

    assert [record["loss"] for record in records("test")] == [predicted.metrics["test_loss"]]


def test_a_metric_that_a_run_cannot_hold_is_left_out_with_a_warning(trainer, callback, records):
    measured = {"eval_report": {"a": object()}, "eval_loss": 0.5}

    with pytest.warns(BridgeWarning, match="eval/report is left out"):
        callback.on_log(trainer.args, trainer.state, trainer.control, logs=measured)

    assert records("eval") == [{"step": 0, "loss": 0.5}]


def test_only_the_first_process_records(trainer, callback, streams):
    trainer.state.is_world_process_zero = False

    callback.on_log(trainer.args, trainer.state, trainer.control, logs={"loss": 0.5})

    assert streams() == set()
