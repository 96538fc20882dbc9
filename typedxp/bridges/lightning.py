"""A logger for PyTorch Lightning: ``Trainer(logger=RunLogger(run))``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from typedxp.bridges.recorder import MAIN, Recorder, place, prefixed

if TYPE_CHECKING:
    from typedxp.stages.record import Run

_PREFIXES = ("train", "val", "test")


class RunLogger(Logger):
    """Record in a run what a ``LightningModule`` logs, on rank zero.

    ``val_loss`` and ``val/loss`` are the metric ``loss`` of the stream ``val``, the same for ``train`` and ``test``;
    other names with a slash name their stream, too, and the rest is in the stream ``main``. Every record has its
    ``step`` and ``epoch``. Lightning's own checkpoints go to ``lightning/`` in the directory of the run.
    """

    def __init__(self, run: Run[Any]) -> None:
        super().__init__()
        self._recorder = Recorder(run)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run."""
        return self._recorder.run

    @property
    def name(self) -> str:
        """The directory in that of the run where Lightning's own files go."""
        return "lightning"

    @property
    def version(self) -> int:
        """The id of the run."""
        return self._recorder.run.id

    @property
    def save_dir(self) -> str:
        """The directory of the run."""
        return str(self._recorder.run.directory)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append one record to each stream that the names belong to."""
        streams: dict[str, dict[str, Any]] = {}
        for name, value in metrics.items():
            if name != "epoch":
                stream, metric = prefixed(name, _PREFIXES) or place(name)
                streams.setdefault(stream, {})[metric] = value
        # Lightning puts the epoch beside whatever was logged.
        epoch = {"epoch": int(metrics["epoch"])} if "epoch" in metrics else {}
        for stream, values in streams.items() or {MAIN: {}}.items():
            self._recorder.log(stream, epoch | values, step)

    @rank_zero_only
    def log_hyperparams(self, params: Mapping[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Warn of hyperparameters that are not in the config of the run, where the others are recorded already."""
        self._recorder.check_hyperparameters(vars(params) if isinstance(params, Namespace) else params)
