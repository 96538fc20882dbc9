"""A writer that speaks like TensorBoard's: replace ``SummaryWriter(directory)`` by ``SummaryWriter(run)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any, Self

from typedxp.bridges.recorder import Recorder, place

if TYPE_CHECKING:
    from typedxp.stages.record import Run

_LEFT_OUT = frozenset(
    f"add_{kind}"
    for kind in (
        *("audio", "custom_scalars", "custom_scalars_marginchart", "custom_scalars_multilinechart", "embedding"),
        *("graph", "histogram_raw", "image", "image_with_boxes", "images", "mesh", "onnx_graph", "pr_curve"),
        *("pr_curve_raw", "video"),
    )
)
_NO_ARTIFACTS = "this run records scalars only."


class SummaryWriter:
    """Record in a run what is written as to ``torch.utils.tensorboard.SummaryWriter``.

    The tag ``train/loss`` is the metric ``loss`` of the stream ``train``, and a tag without a slash is a metric of the
    stream ``main``. What has the same step becomes one record of its stream: it is written when the next step begins,
    and by :meth:`flush` and :meth:`close`.
    """

    def __init__(self, run: Run[Any], *_: Any, **__: Any) -> None:
        self._recorder = Recorder(run)
        self._records: dict[str, tuple[int, dict[str, Any]]] = {}
        self._lock = RLock()
        self.log_dir = str(run.directory)

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None, *_: Any, **__: Any) -> None:
        """Record one value; without a step it is a record of its own."""
        self._add(tag, scalar_value, global_step)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: int | None = None, *_: Any, **__: Any
    ) -> None:
        """Record several values: ``{"train": 0.1}`` under ``loss`` is the metric ``train`` of the stream ``loss``."""
        for tag, value in tag_scalar_dict.items():
            self._add(f"{main_tag}/{tag}", value, global_step)

    def add_text(self, tag: str, text_string: str, global_step: int | None = None, *_: Any, **__: Any) -> None:
        """Record a text, which is a value like any other."""
        self._add(tag, text_string, global_step)

    def add_hparams(self, hparam_dict: Mapping[str, Any], metric_dict: Mapping[str, Any], *_: Any, **__: Any) -> None:
        """Record the metrics; warn of hyperparameters that are not in the config, which is recorded already."""
        self._recorder.check_hyperparameters(hparam_dict)
        for tag, value in metric_dict.items():
            self._add(tag, value, None)

    def add_figure(self, tag: str, figure: Any, global_step: int | None = None, *_: Any, **__: Any) -> None:
        """Record a matplotlib figure as an artifact."""
        self._add_artifact("add_figure", tag, figure, global_step, ".png")

    def add_histogram(self, tag: str, values: Any, global_step: int | None = None, *_: Any, **__: Any) -> None:
        """Record the values, all of them, as an artifact."""
        self._add_artifact("add_histogram", tag, values, global_step, ".npy")

    def add_tensor(self, tag: str, tensor: Any, global_step: int | None = None, *_: Any, **__: Any) -> None:
        """Record an array as an artifact."""
        self._add_artifact("add_tensor", tag, tensor, global_step, ".npy")

    def get_logdir(self) -> str:
        """Return the directory of the run."""
        return self.log_dir

    def flush(self) -> None:
        """Write the records that may still have grown."""
        with self._lock:
            for stream in list(self._records):
                self._write(stream)

    def close(self) -> None:
        """Write what is left; the run itself stays open."""
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in _LEFT_OUT:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return lambda *_, **__: self._recorder.leave_out(name, _NO_ARTIFACTS)

    def _add(self, tag: str, value: Any, step: int | None) -> None:
        stream, name = place(tag)
        value = value.item() if hasattr(value, "item") else value
        if step is None:
            self._recorder.log(stream, {name: value})
            return
        with self._lock:
            began, metrics = self._records.get(stream, (step, {}))
            if began != step or name in metrics:
                self._write(stream)
            self._records.setdefault(stream, (step, {}))[1][name] = value

    def _write(self, stream: str) -> None:
        step, metrics = self._records.pop(stream)
        self._recorder.log(stream, metrics, step)

    def _add_artifact(self, method: str, tag: str, value: Any, step: int | None, suffix: str) -> None:
        save = getattr(self._recorder.run, "log_artifact", None)
        if save is None:
            self._recorder.leave_out(method, _NO_ARTIFACTS)
            return
        value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
        save(value, f"{tag}{'' if step is None else f'/{step}'}{suffix}")
