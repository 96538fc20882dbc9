"""Owns the records that may still grow: what is logged value by value becomes one record per step."""

from __future__ import annotations

from threading import RLock
from typing import Any

from typedxp.bridges.recorder import Recorder


class Steps:
    """Collects the values of each stream until its next step begins."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._records: dict[str, tuple[int, dict[str, Any]]] = {}
        self._lock = RLock()

    def add(self, stream: str, name: str, value: Any, step: int) -> None:
        """Add a value to the record of its step; a second value of the same name begins a record of its own."""
        with self._lock:
            began, metrics = self._records.get(stream, (step, {}))
            if began != step or name in metrics:
                self._write(stream)
            self._records.setdefault(stream, (step, {}))[1][name] = value

    def flush(self) -> None:
        """Write the records as far as they have come."""
        with self._lock:
            for stream in list(self._records):
                self._write(stream)

    def _write(self, stream: str) -> None:
        step, metrics = self._records.pop(stream)
        self._recorder.log(stream, metrics, step)
