"""Owns the files that subcommands write: whole, or not at all."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from typedxp.errors import ResultsError
from typedxp.store.files import reason, replace


def check_target(target: Path, suffixes: Collection[str]) -> None:
    """See that a file can be written, before anything is read for it.

    Raises:
        ResultsError: its name ends in none of the ``suffixes``, or there is no directory for it.
    """
    if suffixes and target.suffix.lower() not in suffixes:
        raise ResultsError(f"Cannot tell the format of {target}: name a file that ends in {', '.join(suffixes)}.")
    if not target.parent.is_dir():
        raise ResultsError(f"{target} cannot be written: there is no directory {target.parent}.")


def write_whole(target: Path, data: bytes) -> None:
    """Write a file, and say so.

    Raises:
        ResultsError: the system refuses.
    """
    try:
        replace(target, data)
    except OSError as error:
        raise ResultsError(f"{target} cannot be written: {reason(error)}.") from error
    print(target)
