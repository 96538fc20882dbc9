"""A writer that speaks like TensorBoard's: replace ``SummaryWriter(directory)`` by ``SummaryWriter(run)``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self
from weakref import finalize

from typedxp.bridges.arrays import to_array, to_pixels
from typedxp.bridges.recorder import Recorder, place
from typedxp.bridges.steps import Steps

if TYPE_CHECKING:
    from typedxp.stages.record import Run

_LEFT_OUT = {
    *("add_audio", "add_custom_scalars", "add_custom_scalars_marginchart", "add_custom_scalars_multilinechart"),
    *("add_embedding", "add_graph", "add_histogram_raw", "add_image_with_boxes", "add_images", "add_mesh"),
    *("add_onnx_graph", "add_pr_curve", "add_pr_curve_raw", "add_video"),
}
_NO_PLACE = "a run has no place for this. Keep it with run.log_artifact."


class SummaryWriter:
    """Record in a run what is written as to ``torch.utils.tensorboard.SummaryWriter``.

    The tag ``train/loss`` is the metric ``loss`` of the stream ``train``, and a tag without a slash is a metric of the
    stream ``main``. What has the same step becomes one record of its stream: it is written when the next step begins,
    by :meth:`flush` and :meth:`close`, and when the writer is gone. Its time is when it is written, not ``walltime``.
    """

    def __init__(self, run: Run[Any], *_: Any, **__: Any) -> None:
        self._recorder = Recorder(run)
        self._steps = Steps(self._recorder)
        # Much code never closes its writer.
        finalize(self, self._steps.flush)
        self.log_dir = self.get_logdir()

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

    def add_figure(
        self, tag: str, figure: Any, global_step: int | None = None, close: bool = True, *_: Any, **__: Any
    ) -> None:
        """Record a matplotlib figure, or several, as artifacts, and close them."""
        figures = {tag: figure} if not isinstance(figure, list) else {f"{tag}/{n}": one for n, one in enumerate(figure)}
        for name, one in figures.items():
            self._add_artifact(name, one, global_step, ".png")
            if close and "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close(one)

    def add_image(
        self, tag: str, img_tensor: Any, global_step: int | None = None, *_: Any, dataformats: str = "CHW", **__: Any
    ) -> None:
        """Record an image as an artifact."""
        self._add_artifact(tag, to_pixels(img_tensor, dataformats), global_step, ".png")

    def add_histogram(self, tag: str, values: Any, global_step: int | None = None, *_: Any, **__: Any) -> None:
        """Record the values, all of them, as an artifact."""
        self._add_artifact(tag, to_array(values), global_step, ".npy")

    def add_tensor(self, tag: str, tensor: Any, global_step: int | None = None, *_: Any, **__: Any) -> None:
        """Record an array as an artifact."""
        self._add_artifact(tag, to_array(tensor), global_step, ".npy")

    def get_logdir(self) -> str:
        """Return the directory of the run."""
        return str(self._recorder.run.directory)

    def flush(self) -> None:
        """Write the records that may still have grown."""
        self._steps.flush()

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
        return lambda *_, **__: self._recorder.leave_out(name, _NO_PLACE)

    def _add(self, tag: str, value: Any, step: int | None) -> None:
        stream, name = place(tag)
        value = value.item() if hasattr(value, "item") else value
        if step is None:
            self._recorder.log(stream, {name: value})
        else:
            self._steps.add(stream, name, value, step)

    def _add_artifact(self, tag: str, value: Any, step: int | None, suffix: str) -> None:
        self._recorder.run.log_artifact(value, f"{tag}{'' if step is None else f'/{step}'}{suffix}")
