"""A callback for Keras: ``model.fit(..., callbacks=[RunCallback(run)])``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras.callbacks import Callback

from typedxp.bridges.recorder import Recorder, prefixed

if TYPE_CHECKING:
    from typedxp.stages.record import Run


class RunCallback(Callback):
    """Record in a run what Keras measures.

    Every epoch of ``fit`` is a record of the stream ``train``, and of ``val`` where there are validation data; what
    ``evaluate`` measures by itself is a record of the stream ``test``.
    """

    def __init__(self, run: Run[Any]) -> None:
        super().__init__()
        self._recorder = Recorder(run)
        self._fitting = False

    def set_model(self, model: Any) -> None:
        """Begin anew, whether or not an earlier ``fit`` came to its end."""
        super().set_model(model)
        self._fitting = False

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's word
        """Remember that ``evaluate`` is called by ``fit`` from now on."""
        self._fitting = True

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras's word
        """Remember that ``fit`` is over."""
        self._fitting = False

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Append what was measured in one epoch."""
        streams: dict[str, dict[str, Any]] = {}
        for name, value in (logs or {}).items():
            stream, metric = prefixed(name, ("val",)) or ("train", name)
            streams.setdefault(stream, {})[metric] = value
        for stream, values in streams.items():
            self._recorder.log(stream, {"epoch": epoch} | values)

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Append what ``evaluate`` measured, unless it was called by ``fit``, which reports that itself."""
        if not self._fitting and logs:
            self._recorder.log("test", logs)
