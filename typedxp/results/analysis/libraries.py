"""Owns what is said where a library that only analysis needs is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from typedxp.errors import ResultsError


@contextmanager
def needed_for(purpose: str) -> Iterator[None]:
    """Import libraries within this context; ``purpose`` begins the message where one of them is not there.

    Raises:
        ResultsError: a library is not installed.
    """
    try:
        yield
    except ImportError as error:
        library = (error.name or "a library").partition(".")[0]
        raise ResultsError(
            f"{purpose} needs {library}, which cannot be imported. Install it: pip install 'typedxp[analysis]'."
        ) from error
