"""Owns how a command ends whose output nobody takes: its reader has gone, or the disk below it is full."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import TextIO

from typedxp.vocabulary.telling import tell

_UNWRITTEN = {errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC}
"""What is wrong where output cannot be written."""


def printing(command: Callable[[], int]) -> int:
    """Return the exit code of a command that prints: its own, 141 if nobody reads any more, 1 if a disk is full.

    Raises:
        OSError: it is not the output that is wrong.
    """
    out = sys.stdout
    try:
        code = command()
        # There is none where a shell has closed it (`>&-`), or the experiment itself.
        if out is not None and not out.closed:
            out.flush()
    except BrokenPipeError:
        # Whoever read our output, `head` for example, has seen enough.
        _discard(out)
        return 141
    except OSError as error:
        # The output is what has no name.
        if error.errno not in _UNWRITTEN or error.filename is not None:
            raise
        _discard(out)
        tell(f"The output cannot be written: {error.strerror or error}.")
        return 1
    return code


def _discard(out: TextIO | None) -> None:
    """Let nobody complain at the end of what could not be printed."""
    if out is not None and not out.closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
