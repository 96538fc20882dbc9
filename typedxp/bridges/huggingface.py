"""A callback for the trainers of Hugging Face transformers: ``Trainer(..., callbacks=[RunCallback(run)])``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from typedxp.bridges.recorder import Recorder, prefixed

if TYPE_CHECKING:
    from typedxp.stages.record import Run


class RunCallback(TrainerCallback):
    """Record in a run what a ``Trainer`` logs, on the first process.

    ``eval_loss`` is the metric ``loss`` of the stream ``eval``, what ``predict`` measures is in ``test``, the totals at
    the end of the training are in ``summary``, and the rest is in ``train``. Every record has its ``step``, and its
    ``epoch`` where there is one.
    """

    def __init__(self, run: Run[Any]) -> None:
        self._recorder = Recorder(run)

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Append one record to each stream that the names belong to; evaluations are logged this way, too."""
        self._log(logs or {}, state)

    def on_predict(self, _args: Any, state: Any, _control: Any, metrics: Mapping[str, Any], **_: Any) -> None:
        """Append what was measured along with predictions, which the trainer itself does not log."""
        self._log(metrics, state)

    def _log(self, logs: Mapping[str, Any], state: Any) -> None:
        if not state.is_world_process_zero:
            return
        rest = "summary" if "train_runtime" in logs else "train"
        streams: dict[str, dict[str, Any]] = {}
        for name, value in logs.items():
            if name != "epoch":
                stream, metric = prefixed(name, ("eval", "test")) or (rest, name)
                streams.setdefault(stream, {})[metric] = value
        epoch = {"epoch": logs["epoch"]} if "epoch" in logs else {}
        for stream, values in streams.items():
            self._recorder.log(stream, epoch | values, state.global_step)
