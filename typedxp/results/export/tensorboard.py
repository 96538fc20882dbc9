"""Owns TensorBoard: runs become event files, written by TensorBoard's own writer."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from typedxp.results.export.finished import Exported, FinishedRun, as_float, left_out, load
from typedxp.vocabulary.records import RunStatus

_SHOWN = (bool, int, float, str)


def export(run: FinishedRun, place: Path) -> Exported:
    """Write a run into a directory of its own in ``place``, which ``tensorboard --logdir`` shows.

    Tags are called ``train/loss``; numbers keep 64 bits, and the config is shown under "HParams". The directory appears
    when it is whole.

    Raises:
        ResultsError: TensorBoard is not installed.
    """
    library = _Library()
    target = place / re.sub(r"[^\w.-]", "_", f"{run.record.experiment.name}-{run.identity}")
    if target.exists():
        return Exported(str(target), written=False)
    place.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(prefix=".export-", dir=place))
    try:
        writer = library.writer(str(draft / "events"))
        for event in _events(run, library):
            writer.add_event(event)
        writer.close()
        (draft / "events").rename(target)
    finally:
        shutil.rmtree(draft)
    notes = left_out(
        run, "TensorBoard", _others(run), "holds numbers and texts only, so other values of these are left out"
    )
    return Exported(str(target), written=True, notes=notes)


class _Library:
    """The parts of TensorBoard that make events."""

    def __init__(self) -> None:
        self.writer = load("tensorboard.summary.writer.event_file_writer", "tensorboard").EventFileWriter
        self.event = load("tensorboard.compat.proto.event_pb2", "tensorboard").Event
        self.summary = load("tensorboard.compat.proto.summary_pb2", "tensorboard").Summary
        self.scalars = load("tensorboard.plugins.scalar.metadata", "tensorboard").create_summary_metadata
        self.texts = load("tensorboard.plugins.text.metadata", "tensorboard").create_summary_metadata
        self.tensor = load("tensorboard.util.tensor_util", "tensorboard").make_tensor_proto
        self.start = load("tensorboard.plugins.hparams.summary_v2", "tensorboard").hparams_pb
        self.hparams = load("tensorboard.plugins.hparams.metadata", "tensorboard")
        self.plugin = load("tensorboard.plugins.hparams.plugin_data_pb2", "tensorboard")
        self.ends = load("tensorboard.plugins.hparams.api_pb2", "tensorboard")

    def value(self, tag: str, value: Any) -> Any:
        """Return a summary of one value: text, or a number with all its bits."""
        text = isinstance(value, str)
        metadata = (self.texts if text else self.scalars)(display_name=None, description=None)
        # Whole numbers become floats, too, since the reader of scalars takes floats only.
        tensor = (
            self.tensor(value.encode("utf-8", "backslashreplace"))
            if text
            else self.tensor(as_float(value), dtype="float64")
        )
        made = self.summary()
        made.value.add(tag=tag, metadata=metadata, tensor=tensor)
        return made

    def end(self, run: FinishedRun) -> Any:
        """Return the summary that closes the hyperparameters of a run; TensorBoard's own needs TensorFlow."""
        completed = run.state.status is RunStatus.COMPLETED
        status = self.ends.STATUS_SUCCESS if completed else self.ends.STATUS_FAILURE
        info = self.plugin.SessionEndInfo(status=status, end_time_secs=run.end)
        metadata = self.hparams.create_summary_metadata(self.plugin.HParamsPluginData(session_end_info=info))
        made = self.summary()
        made.value.add(tag=self.hparams.SESSION_END_INFO_TAG, metadata=metadata, tensor=self.hparams.NULL_TENSOR)
        return made


def _events(run: FinishedRun, library: _Library) -> Iterator[Any]:
    parameters = {key: value if isinstance(value, _SHOWN) else str(value) for key, value in run.parameters.items()}
    start = library.start(parameters, trial_id=run.name, start_time_secs=run.start)
    yield library.event(wall_time=run.start, summary=start)
    for tag, text in run.tags.items():
        yield library.event(wall_time=run.start, summary=library.value(tag.replace(".", "/"), text))
    for stream, points in run.points.items():
        for point in points:
            for name, value in point.values.items():
                if isinstance(value, _SHOWN):
                    summary = library.value(f"{stream}/{name}", value)
                    yield library.event(wall_time=point.time, step=point.step, summary=summary)
    yield library.event(wall_time=run.end, summary=library.end(run))


def _others(run: FinishedRun) -> set[str]:
    return {
        f"{stream}/{name}"
        for stream, points in run.points.items()
        for point in points
        for name, value in point.values.items()
        if not isinstance(value, _SHOWN)
    }
