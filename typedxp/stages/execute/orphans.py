"""Owns the end of the worker processes of a job that was killed: for its scheduler, nothing of it is left."""

from __future__ import annotations

import os
import signal
import sys

LAUNCHER = "TYPEDXP_LAUNCHER"
"""The environment variable that tells a worker the number of the process that it is to end with."""

_PR_SET_PDEATHSIG = 1


def end_with_launcher() -> None:
    """Let the system kill this process when the one that it was told is gone; others are left alone.

    Source: prctl(2). Other systems than Linux have nothing of the kind.
    """
    launcher = os.environ.pop(LAUNCHER, None)
    if launcher is None or sys.platform != "linux":
        return
    # Here, since few processes need it.
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(launcher):
        # It was gone before.
        os.kill(os.getpid(), signal.SIGKILL)
