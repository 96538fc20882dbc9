"""Owns what is said of runs that are not there, or cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from typedxp.errors import ResultsError
from typedxp.results.problems import warn


class Damage:
    """What of a directory could not be read, to be told at the end in one warning."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._found: dict[str, str] = {}

    def add(self, place: str, why: object) -> None:
        """Note why a run, or a file of one, is left out; ``place`` is its path below the root."""
        self._found[place] = str(why)

    def warn(self) -> None:
        """Warn of all that was left out, if anything was."""
        if not self._found:
            return
        shown = ", ".join(list(self._found)[:10]) + (", ..." if len(self._found) > 10 else "")
        count = f"{len(self._found)} damaged run{'s' if len(self._found) > 1 else ''} or file"
        plural = "s" if len(self._found) > 1 else ""
        first = next(iter(self._found.values()))
        warn(f"Left out {count}{plural} of {self.root}: {shown}. {first}")


def choose(root: Path, there: Sequence[int], ids: Collection[int] | None) -> list[int]:
    """Return which of the runs that are there were asked for, in order.

    Raises:
        ResultsError: one of them is not there.
    """
    if ids is None:
        return list(there)
    wanted = set(ids)
    if missing := sorted(wanted.difference(there)):
        raise ResultsError(f"There is no run {missing[0]} in {root}.")
    return [number for number in there if number in wanted]
