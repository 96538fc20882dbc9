"""Owns how what others log becomes records: their names become streams and metrics, and nothing is dropped silently."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.bridges.hyperparameters import unrecorded
from typedxp.errors import RecordError
from typedxp.store.directory import RunDirectory

if TYPE_CHECKING:
    from typedxp.stages.record import Run

MAIN = "main"
"""The stream of what names no other."""


class BridgeWarning(UserWarning):
    """Something that was logged to another library is not recorded."""


class Recorder:
    """Writes to a run what a bridge is given; warns once of everything that a run does not record."""

    def __init__(self, run: Run[Any]) -> None:
        self.run = run
        self._warned: set[str] = set()

    def log(self, stream: str, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log one record; a metric of the name of the counter, ``step``, becomes ``step_``.

        Raises:
            RecordError: the run cannot record this at all.
        """
        counted = {} if step is None else {"step": int(step)}
        record = counted | {f"{name}_" if name in counted else name: value for name, value in metrics.items()}
        try:
            self.run.log_metrics(record, stream=stream)
        except RecordError as error:
            kept = {name: value for name, value in record.items() if _is_scalar(value)}
            if len(kept) == len(record):
                raise
            for name in record.keys() - kept.keys():
                self.leave_out(f"{stream}/{name}", str(error))
            if kept.keys() - counted.keys():
                self.run.log_metrics(kept, stream=stream)

    def leave_out(self, what: str, why: str) -> None:
        """Warn, the first time, that something is not recorded."""
        if what not in self._warned:
            self._warned.add(what)
            warnings.warn(f"{what} is left out of run {self.run.id}: {why}", BridgeWarning, stacklevel=4)

    def check_hyperparameters(self, given: Any) -> None:
        """Warn of hyperparameters that are not in the config of the run as given; the others are recorded already."""
        found = unrecorded(self.run.config, given)
        if found:
            self.leave_out(
                f"Of the hyperparameters, {'; '.join(found)}",
                "a run records its config, before it starts. Declare there what the run depends on.",
            )


def place(name: str) -> tuple[str, str]:
    """Take ``train/loss`` apart into stream and metric; a name that begins with no possible stream belongs to MAIN."""
    stream, _, metric = name.partition("/")
    return (stream, metric) if metric and _is_stream(stream) else (MAIN, name)


def prefixed(name: str, prefixes: Iterable[str]) -> tuple[str, str] | None:
    """Take ``val_loss`` apart into stream and metric, if the stream is one of ``prefixes``."""
    stream, _, metric = name.partition("_")
    return (stream, metric) if metric and stream in prefixes else None


@cache
def _is_stream(name: str) -> bool:
    try:
        RunDirectory(Path()).stream(name)
    except RecordError:
        return False
    return True


def _is_scalar(value: Any) -> bool:
    of_library = hasattr(value, "item") and not getattr(value, "ndim", 0)
    return of_library or isinstance(value, bool | int | float | str | None)
