"""Owns what the user's code logs while it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from typedxp.artifacts.arrays import Dims
from typedxp.artifacts.directory import Artifacts
from typedxp.artifacts.inputs import sum_up_input
from typedxp.errors import RecordError
from typedxp.store.checkpoints import Checkpoints
from typedxp.store.directory import RunDirectory
from typedxp.store.files import reason
from typedxp.store.streams import summarize
from typedxp.store.writer import TIME, StreamWriter, plain_metric
from typedxp.vocabulary.artifacts import ArtifactRecord
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.declared import declared
from typedxp.vocabulary.inputs import InputRecord
from typedxp.vocabulary.metrics import SUMMARY, SYSTEM, Declared, misfit
from typedxp.vocabulary.records import StreamSummary
from typedxp.vocabulary.stopping import StopRequest, StopSwitch

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    MetricsT = TypeVar("MetricsT", default=Any)
else:
    from typing import TypeVar

    MetricsT = TypeVar("MetricsT")

_RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
"""Where launchers of parallel programs tell a process its number: torchrun, srun, Open MPI, MPICH."""


class Run(Generic[MetricsT]):
    """One execution of one config: what the user's function logs to.

    ``config`` is the validated config, ``directory`` the path of the run's files, ``id`` its number in the store,
    ``attempt`` how often it was started, ``environment`` the digest of the environment it is executed in, if that is
    not the one it was launched from, ``job`` what a scheduler calls it. In a unit test, any directory will do:
    ``Run(tmp_path, config, id=1)``.
    Declare what is logged by :class:`typedxp.Metrics`, and annotate the run with it: ``run: Run[MyMetrics]``.

    Raises:
        RecordError: no ``id`` is given, and the directory is not called by a number.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        config: Any = None,
        id: int | None = None,  # noqa: A002 - the word of run.json
        *,
        attempt: int = 1,
        metrics: type[Any] | None = None,
        timestamps: bool = False,
        switch: StopSwitch | None = None,
    ) -> None:
        self.directory = Path(directory)
        self.config = config
        self.id = _number(self.directory) if id is None else id
        self.attempt = attempt
        self.environment: str | None = None
        self.job: str | None = None
        self._files = RunDirectory(self.directory)
        self._streams: dict[str, StreamWriter] = {}
        self._timestamps = timestamps
        self._switch = switch if switch is not None else StopSwitch()
        self._metrics: Declared | None = declared(metrics) if metrics is not None else None
        self._fitting: set[Any] = set()
        self._ranked = (-1, 0)
        self._checkpoints = Checkpoints(self.directory / "checkpoints")
        self._artifacts = Artifacts(self.directory / "artifacts")
        self._inputs: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Run {self.id} in {self.directory}>"

    @property
    def resumed(self) -> bool:
        """Whether the run was started before, and left a checkpoint to go on from."""
        return self.attempt > 1 and self._checkpoints.newest() is not None

    @property
    def stopping(self) -> StopRequest | None:
        """The request to stop, once there is one: it knows its signal, and the seconds left, if anybody does.

        A run that looks here is trusted to return by itself, soon after saving what it wants to go on from; a run that
        never does is ended by an exception.
        """
        switch = self._switch
        switch.watched = True
        switch.noticed |= switch.request is not None
        return switch.request

    def on_stop(self, callback: Callable[[StopRequest], object]) -> None:
        """Have ``callback`` called with the request when the run is asked to stop, for example to save a checkpoint."""
        self._switch.callbacks.append(callback)

    def log_metrics(
        self, record: Mapping[str, Any], stream: str | None = None, *, step: int | None = None, every_rank: bool = False
    ) -> None:
        """Append one record to a stream, by a single write, so that a kill loses nothing that was logged.

        A value is an int, float, bool, str or None, a numpy or torch scalar, or a small array of these. NaN and the
        infinities are kept, spelt ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` in the file, since JSON has no numbers
        for them. ``stream`` is ``train`` by default, or ``summary`` for declared metrics that are in no stream.
        ``step`` is a metric called so. Of the processes of a parallel program only the first one (rank 0) logs, unless
        ``every_rank``.

        Raises:
            RecordError: the stream has an unsafe name, a key is not text or begins with ``_`` (reserved), a value
                cannot be recorded or is not what was declared, or the file cannot be written.
        """
        if type(record) is not dict and not isinstance(record, Mapping):
            raise RecordError(f"Log a mapping of names to scalars, as in {{'loss': 0.1}}, not {record!r}.")
        if stream is None:
            stream = "train" if self._metrics is None else self._default_stream(record)
        if not every_rank and self._rank() > 0:
            return
        if step is not None:
            record = {"step": step, **record}
        if self._metrics is not None:
            record = self._checked(record, stream)
        if self._timestamps:
            record = {**record, TIME: time.time()}
        (self._streams.get(stream) or self._open(stream)).append(record)

    def log(self, stream: str | None = None, /, **metrics: Any) -> None:
        """Append one record: the short form of :meth:`log_metrics`, as in ``run.log(loss=0.1)``."""
        self.log_metrics(metrics, stream)

    def log_artifact(
        self, value: Any, name: str, *, kind: str | None = None, dims: Dims | None = None
    ) -> ArtifactRecord:
        """Keep a value, or a copy of the file or directory at a ``Path``, under a name, in place of what was there.

        The kind follows from the value and the suffix of the name; ``kind="pickle"`` pickles. ``dims`` names the
        dimensions of an array, ``dims=("layer", "unit")``, or of several, ``dims={"weights": ("layer", "unit")}``, for
        the variable that it becomes in the results. Arrays of xarray bring their own.

        Raises:
            RecordError: the name is unsafe, no kind holds the value, ``dims`` does not fit it, or it cannot be written.
        """
        return self._artifacts.save(value, name, kind=kind, dims=dims)

    def load_artifact(self, name: str, *, trust: bool = False) -> Any:
        """Return what was kept under a name. Nothing in it is executed, unless it is a pickle and you ``trust`` it.

        Raises:
            ResultsError: there is no such artifact, it is damaged, or it needs trust.
        """
        return self._artifacts.load(name, trust=trust)

    def log_input(self, path: str | os.PathLike[str], name: str | None = None) -> InputRecord:
        """Record what a file or a directory that the run reads holds, by its SHA-256, under a name: its own by default.

        Links are followed. The bytes are read once for all runs, as long as size and times do not change, and not at
        all if a file of DVC beside it tells their hash. Of the processes of a parallel program only the first one
        (rank 0) records. Better still, give the field of the config the type :class:`typedxp.InputPath`.

        Raises:
            RecordError: it is not there, cannot be read, changes while it is read, or its name is taken by another one.
        """
        record = sum_up_input(Path(path))
        name = name if name is not None else Path(record.path).name
        if not isinstance(name, str) or not name or not name.isprintable():
            raise RecordError(f"Data cannot be called {name!r}: use printable text.")
        if self._inputs.get(name, record.path) != record.path:
            raise RecordError(f"{self._inputs[name]} is called {name!r} as well: run.log_input(path, name=ANOTHER).")
        if self._rank() == 0:
            try:
                self._files.append_input(name, record)
            except OSError as error:
                raise RecordError(f"{self.directory} cannot be written: {reason(error)}.") from error
        self._inputs[name] = record.path
        return record

    def log_checkpoint(self, state: Any, *, keep: int = 2) -> None:
        """Save a state to go on from: any object that can be pickled; tensors and modules go into torch's format.

        It is written whole and forced to the disk, or not at all. Only the newest ``keep`` are kept. What is logged
        later is set aside if the run goes on from here. Of the processes of a parallel program only the first one
        (rank 0) saves: gather what the others hold.

        Raises:
            RecordError: it cannot be pickled or written; the earlier ones are still there.
        """
        if self._rank() > 0:
            return
        try:
            # Before the checkpoint: not even a crash of the machine leaves one that knows of lost records.
            sizes = self._files.sync_streams()
        except OSError as error:
            raise RecordError(f"{self._files.metrics} cannot be read: {reason(error)}.") from error
        self._checkpoints.save(state, self.attempt, now(), sizes, max(1, keep))

    def load_checkpoint(self, default: Any = None) -> Any:
        """Return the newest state that was saved and is whole, or ``default`` if there is none.

        Raises:
            RecordError: it cannot be read back.
        """
        newest = self._checkpoints.newest()
        return default if newest is None else self._checkpoints.load(newest)

    def prepare(self, config: Any, metrics: type[Any] | None) -> None:
        """Give the run its config, and the metrics that were declared, once these are known."""
        self.config = config
        self._metrics = declared(metrics) if metrics is not None else None

    def rewind(self) -> None:
        """Set aside what earlier attempts logged after their last checkpoint, so that nothing is logged twice."""
        self._checkpoints.clean()
        newest = self._checkpoints.newest()
        self._files.rewind(newest.streams if newest is not None else {}, self.attempt - 1)

    def close(self) -> dict[str, StreamSummary]:
        """Close the files of the run, and sum up its streams."""
        streams, self._streams = self._streams, {}
        found = {name: stream.close() for name, stream in streams.items()}
        for name in self._files.streams():
            if name not in found:
                # A child process logged to it, or an earlier attempt.
                with suppress(OSError):
                    found[name] = summarize(self._files.stream(name))
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Give a child process what it needs to log to the same run."""
        return self.__dict__ | {"_streams": {}, "_switch": StopSwitch()}

    def _rank(self) -> int:
        """Return the number of this process among those of a parallel program; a child may have one of its own."""
        process = os.getpid()
        if self._ranked[0] != process:
            self._ranked = (process, _read_rank())
        return self._ranked[1]

    def _default_stream(self, record: Mapping[str, Any]) -> str:
        streams = self._metrics or {}
        once = streams.get(SUMMARY, {})
        return SUMMARY if any(key in once for key in record) or (once and "train" not in streams) else "train"

    def _checked(self, record: Mapping[str, Any], stream: str) -> Mapping[str, Any]:
        """Make sure that a record is what was declared; records of the same scalar types are looked at once."""
        shape = (stream, *record, *map(type, record.values()))
        if shape in self._fitting or stream == SYSTEM:
            return record
        plain = {key: plain_metric(key, value) for key, value in record.items()}
        if problem := misfit(self._metrics or {}, stream, plain):
            raise RecordError(problem)
        if all(map(_is_scalar, record.values())):
            self._fitting.add(shape)
        return plain

    def _open(self, stream: str) -> StreamWriter:
        made = StreamWriter(self._files.stream(stream))
        kept = self._streams.setdefault(stream, made)
        if kept is not made:
            # Another thread was faster.
            made.close()
        return kept


def _is_scalar(value: Any) -> bool:
    """Say whether values of this type are all scalars, as arrays without dimensions are not."""
    return isinstance(value, str) or not hasattr(value, "__len__")


def _read_rank() -> int:
    numbers = (os.environ[name] for name in _RANKS if name in os.environ)
    number = next(numbers, "0")
    return int(number) if number.isdigit() else 0


def _number(directory: Path) -> int:
    try:
        return int(directory.name)
    except ValueError:
        raise RecordError(f"{directory} is not called by a number, as runs are: give one, Run(..., id=1).") from None
