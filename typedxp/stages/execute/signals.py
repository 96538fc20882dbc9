"""Owns the signals that ask a run to stop, while it is executed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from typedxp.stages.execute.interrupt import SIGNALS
from typedxp.vocabulary.stopping import Stopped, StopRequest, StopSwitch

GRACE = "TYPEDXP_GRACE"
"""The environment variable that tells a worker how many seconds it has between a signal and its end."""


@contextmanager
def stop_signals(switch: StopSwitch) -> Iterator[None]:
    """Turn signals into requests to stop, until the end of the block; the handlers of before are put back.

    The first signal is put into ``switch`` and told to its callbacks; a run that does not look for requests is ended at
    once, by KeyboardInterrupt or :class:`Stopped`. A second SIGINT ends any run. Outside of the main thread nothing is
    done, since Python lets nobody else handle signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        if switch.request is None:
            switch.request = StopRequest(number, _deadline())
            _tell(switch, switch.request)
            if switch.watched:
                return
        elif number != signal.SIGINT:
            return
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Stopped(switch.request)

    # What is ignored (as by nohup) or was not set from Python stays as it is.
    ours = [number for number in SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, handle) for number in ours}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _deadline() -> float | None:
    try:
        return time.monotonic() + float(os.environ[GRACE])
    except (KeyError, ValueError):
        return None


def _tell(switch: StopSwitch, request: StopRequest) -> None:
    for callback in switch.callbacks:
        try:
            callback(request)
        except Exception:  # noqa: BLE001 - the others are told all the same, and the run is stopped
            traceback.print_exc(file=sys.stderr)
