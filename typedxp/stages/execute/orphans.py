"""Owns the end of worker processes whose launcher was killed: nobody would follow them any more."""

from __future__ import annotations

import os
import signal
import sys

LAUNCHER = "TYPEDXP_LAUNCHER"
"""The environment variable that tells a worker the number of the process that started it, and follows it."""

_PR_SET_PDEATHSIG = 1


def end_with_launcher() -> None:
    """Let the system kill this process when its launcher is gone; a process that has none, it leaves alone.

    Source: prctl(2). Other systems than Linux have nothing of the kind.
    """
    launcher = os.environ.pop(LAUNCHER, None)
    if launcher is None or sys.platform != "linux":
        return
    # Here, since most processes have no launcher.
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(launcher):
        # It was gone before.
        os.kill(os.getpid(), signal.SIGKILL)
