"""Owns one run as its files tell of it: what it was given, what it printed, logged and kept."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.artifacts.directory import Artifacts
from typedxp.errors import RecordError, ResultsError, StoreError, nearest
from typedxp.results.problems import warn
from typedxp.store.directory import RunDirectory
from typedxp.store.files import reason
from typedxp.store.streams import parse, summarize, unspell
from typedxp.vocabulary.records import RunRecord, Status

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RecordedRun:
    """One run: what it was given, what it left. Everything is read when it is asked for."""

    directory: RunDirectory

    def __repr__(self) -> str:
        return f"<Run {self.id} in {self.path.parent}>"

    @property
    def id(self) -> int:
        """The number of the run in its store."""
        return self.directory.id

    @property
    def path(self) -> Path:
        """The directory of the run."""
        return self.directory.path

    @cached_property
    def config(self) -> dict[str, Any]:
        """The config that the function received, as plain values.

        Raises:
            StoreError: it cannot be read.
        """
        return self.directory.read_config()

    @cached_property
    def record(self) -> RunRecord:
        """What was planned: the experiment, the point of the sweep, the code, the environment, the command.

        Raises:
            StoreError: it cannot be read.
        """
        return self.directory.read_record()

    @property
    def status(self) -> Status:
        """Where the run stands now.

        Raises:
            StoreError: it cannot be read.
        """
        return self.directory.read_status()

    @property
    def stdout(self) -> str:
        """What the run printed, nothing if that was not kept."""
        return _read_text(self.directory.stdout)

    @property
    def stderr(self) -> str:
        """What the run printed as errors, tracebacks included; nothing if that was not kept."""
        return _read_text(self.directory.stderr)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of the streams that the run logged."""
        return self.directory.streams()

    @property
    def artifacts(self) -> tuple[str, ...]:
        """The names of the artifacts of the run."""
        return self._artifacts.names()

    def load_artifact(self, name: str, *, trust: bool = False) -> Any:
        """Load an artifact; ``trust`` is needed for a pickle, which may run any program.

        Raises:
            ResultsError: it is not there, is damaged, or needs ``trust``.
        """
        return self._artifacts.load(name, trust=trust)

    def metrics(self, stream: str | None = None) -> pd.DataFrame:
        """Return the records of a stream, one row each; ``stream`` may be left out if there is only one.

        Raises:
            ResultsError: there is no such stream, several to choose from, or it cannot be read.
        """
        known = self.streams
        if stream is None and len(known) == 1:
            [stream] = known
        if stream is None:
            raise ResultsError(f"Say which stream of run {self.id} is meant: {', '.join(known) or 'there is none'}.")
        if stream not in known:
            raise ResultsError(f"Run {self.id} has no stream {stream!r}. {nearest(stream, known)}")
        import pandas as pd

        return pd.DataFrame(self.read_stream(stream))

    def read_stream(self, stream: str) -> list[dict[str, Any]]:
        """Return the records of a stream, NaN and infinities as numbers; warn of damaged lines, which are left out.

        Raises:
            ResultsError: it cannot be read.
        """
        try:
            path = self.directory.stream(stream)
            data = path.read_bytes()
            texts = self._texts(stream, len(data))
        except (OSError, RecordError) as error:
            raise ResultsError(f"The stream {stream!r} of run {self.id} cannot be read: {error}") from error
        records, damaged = parse(data)
        if damaged:
            lines = f"{damaged} damaged line{'s' if damaged > 1 else ''}"
            warn(f"{path} has {lines}, which count as never written.")
        return [
            {name: value if name in texts else unspell(value) for name, value in record.items()} for record in records
        ]

    def _texts(self, stream: str, size: int) -> set[str]:
        """Name the columns in which text was logged, so that text which reads like a number stays what it is."""
        summary = None
        with suppress(StoreError):
            summary = self.status.streams.get(stream)
        if summary is None or summary.bytes != size:
            summary = summarize(self.directory.stream(stream))
        return {name for name, column in summary.columns.items() if "str" in column.kinds}

    @property
    def _artifacts(self) -> Artifacts:
        return Artifacts(self.path / "artifacts")


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {reason(error)}.") from error
