"""Owns the words for a run that is asked to stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StopRequest:
    """A signal that asks a run to stop. ``deadline`` is when it will be killed, by ``time.monotonic()``, if known."""

    signal: int
    deadline: float | None = None

    @property
    def name(self) -> str:
        """The name of the signal, such as SIGTERM."""
        try:
            return signal.Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"

    @property
    def seconds_left(self) -> float | None:
        """The seconds that are left before the run is killed; None where nobody knows."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


@dataclass
class StopSwitch:
    """Carries the request from whoever receives the signal to the run.

    ``armed`` is whether the run's code is being executed, and may be ended by an exception. ``watched`` is whether that
    code has looked for a request: it is then trusted to stop by itself. ``noticed`` is whether it came to know of one.
    """

    request: StopRequest | None = None
    armed: bool = False
    watched: bool = False
    noticed: bool = False
    callbacks: list[Callable[[StopRequest], object]] = field(default_factory=list)


class Stopped(BaseException):
    """Ends a run that was asked to stop, and does not look for requests: like KeyboardInterrupt, for other signals."""

    def __init__(self, request: StopRequest) -> None:
        self.request = request
        super().__init__(f"stopped by {request.name}")


def stop_error(request: StopRequest) -> KeyboardInterrupt | Stopped:
    """Make the exception that ends what a request asks to stop."""
    return KeyboardInterrupt() if request.signal == signal.SIGINT else Stopped(request)
