"""Owns the signals that ask a run to stop, while it is executed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from typedxp.stages.execute.interrupt import SIGNALS
from typedxp.vocabulary.stopping import StopRequest, StopSwitch, stop_error

GRACE = "TYPEDXP_GRACE"
"""The environment variable that tells a worker how many seconds it has between a signal and its end."""


@contextmanager
def stop_signals(switch: StopSwitch) -> Iterator[None]:
    """Turn signals into requests to stop, until the end of the block; the handlers of before are put back.

    The first signal is put into ``switch``. While that is armed, its callbacks are told, and a run that does not look
    for requests is ended at once, by KeyboardInterrupt or :class:`Stopped`; a second SIGINT ends any run. Outside of
    the main thread nothing is done, since Python lets nobody else handle signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # What is ignored (as by nohup) or was not set from Python stays as it is.
    before = {
        number: handler
        for number in SIGNALS
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None) and handler is not None
    }
    owner = os.getpid()

    def handle(number: int, _frame: FrameType | None) -> None:
        if os.getpid() != owner:
            # A forked child, such as a data loader: a signal does to it what it would do without us.
            signal.signal(number, before[signal.Signals(number)])
            os.kill(os.getpid(), number)
        else:
            _receive(switch, number)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def armed(switch: StopSwitch) -> Iterator[None]:
    """Let requests end what is executed in the block, and nothing else; one that was made before ends it at once."""
    switch.armed = True
    try:
        if switch.request is not None:
            switch.noticed = True
            raise stop_error(switch.request)
        yield
    finally:
        switch.armed = False


def _receive(switch: StopSwitch, number: int) -> None:
    first = switch.request is None
    if switch.request is None:
        switch.request = StopRequest(number, _deadline())
    if not switch.armed:
        return
    if first:
        switch.noticed = bool(switch.callbacks)
        _tell(switch.callbacks, switch.request)
    if number == signal.SIGINT if not first else not switch.watched:
        switch.noticed = True
        raise stop_error(switch.request if first else StopRequest(number))


def _deadline() -> float | None:
    try:
        return time.monotonic() + float(os.environ[GRACE])
    except (KeyError, ValueError):
        return None


def _tell(callbacks: list[Callable[[StopRequest], object]], request: StopRequest) -> None:
    for callback in callbacks:
        try:
            callback(request)
        except Exception:  # noqa: BLE001 - the others are told all the same, and the run is stopped
            traceback.print_exc(file=sys.stderr)
