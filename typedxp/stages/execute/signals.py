"""Owns the signals that ask a run to stop, while it is executed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import FrameType
from typing import Any

from typedxp.stages.execute.interrupt import SIGNALS
from typedxp.vocabulary.stopping import StopRequest, StopSwitch, stop_error

GRACE = "TYPEDXP_GRACE"
"""The environment variable that tells a worker how many seconds it has between a signal and its end."""

_Handler = Callable[[int, FrameType | None], Any] | int

_replaced: list[dict[signal.Signals, _Handler]] = []
"""The handlers to be put back, by those who took their places; the last one first."""

_masks = threading.local()


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

    def handle(number: int, _frame: FrameType | None) -> None:
        _receive(switch, number)

    _mind_forks()
    _replaced.append(before)
    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _replaced.pop()


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


@cache
def _mind_forks() -> None:
    """See to it that a signal does to a forked child, such as a data loader, what it would do without us."""
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_forget)


def _hold() -> None:
    # Python drops a signal that reaches a child before it knows that it is one.
    _masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS if _replaced else ())


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)


def _forget() -> None:
    while _replaced:
        for number, handler in _replaced.pop().items():
            signal.signal(number, handler)
    _release()


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
            with suppress(OSError):
                traceback.print_exc(file=sys.stderr)
