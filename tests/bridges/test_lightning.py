"""PyTorch Lightning, for real: a tiny model is trained."""

from __future__ import annotations

from argparse import Namespace

import pytest

from typedxp.bridges.recorder import BridgeWarning


@pytest.fixture
def lightning():
    return pytest.importorskip("lightning.pytorch", reason="needs lightning: tox -e bridges")


@pytest.fixture
def logger(lightning, run):
    from typedxp.bridges.lightning import RunLogger

    return RunLogger(run)


@pytest.fixture
def model(lightning):
    import torch

    class Model(lightning.LightningModule):
        def __init__(self, lr: float = 0.1):
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(2, 1)

        def measure(self, name, batch):
            loss = self.layer(batch[0]).pow(2).mean()
            self.log(name, loss)
            return loss

        def training_step(self, batch):
            self.log("gradient/norm", 2.0)
            self.log("lr", self.hparams.lr)
            return self.measure("train_loss", batch)

        def validation_step(self, batch):
            self.measure("val/loss", batch)

        def test_step(self, batch):
            self.measure("test_loss", batch)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)

    return Model


@pytest.fixture
def trainer(lightning, logger):
    return lightning.Trainer(
        logger=logger,
        max_epochs=2,
        log_every_n_steps=1,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@pytest.fixture
def data(lightning):
    import torch

    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(6, 2)), batch_size=2)


def test_a_training_is_recorded_with_its_steps_and_epochs(trainer, model, data, records, streams):
    trained = model()
    trainer.fit(trained, data, data)
    [tested] = trainer.test(trained, data, verbose=False)

    assert streams() == {"train", "val", "test", "gradient", "main"}
    assert [(record["step"], record["epoch"]) for record in records("train")] == [(n, n // 3) for n in range(6)]
    assert all(earlier["loss"] > later["loss"] for earlier, later in zip(*[iter(records("train"))] * 2, strict=True))
    assert [(record["step"], record["epoch"]) for record in records("val")] == [(2, 0), (5, 1)]
    assert records("main")[0] == pytest.approx({"step": 0, "epoch": 0, "lr": 0.1})
    assert records("gradient")[0] == {"step": 0, "epoch": 0, "norm": 2.0}
    assert [record["loss"] for record in records("test")] == [tested["test_loss"]]


def test_its_checkpoints_lie_in_the_directory_of_the_run(trainer, model, data, run):
    trainer.fit(model(), data)

    [checkpoint] = run.directory.glob("lightning/version_7/checkpoints/*.ckpt")
    assert checkpoint.stat().st_size > 0


def test_hyperparameters_that_the_config_does_not_hold_are_warned_of(trainer, model, data, logger):
    with pytest.warns(BridgeWarning, match=r"lr = 0.2 \(in the config: optimizer.lr = 0.1\)"):
        trainer.fit(model(lr=0.2), data)
    with pytest.warns(BridgeWarning, match=r"width \(not in the config\)"):
        logger.log_hyperparams(Namespace(width=3, seed=0))


def test_only_the_first_process_records(logger, streams, monkeypatch):
    from lightning.pytorch.utilities.rank_zero import rank_zero_only

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    logger.log_metrics({"train_loss": 0.5}, step=0)
    logger.log_hyperparams({"width": 3})
    logger.experiment.log_metrics({"loss": 0.5})

    assert streams() == set()


def test_the_run_itself_is_the_experiment(logger, run, records):
    logger.experiment.log(loss=0.5)
    logger.log_metrics({"epoch": 3}, step=9)

    assert logger.experiment is run
    assert records("main") == [{"step": 9, "epoch": 3}]
