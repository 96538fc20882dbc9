"""Owns the conversation of ``xp.snapshot=ask``: what is not committed, and what of it goes into a commit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from typedxp.errors import SnapshotError
from typedxp.stages.snapshot.committing import Uncommitted, commit, uncommitted


def offer_commit(place: Path, store: Path) -> None:
    """Show what is not committed where ``place`` lies, and commit what the user chooses; the rest stays as it is.

    Raises:
        SnapshotError: there is no terminal to ask at, the user stops, or git does not commit.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SnapshotError(
            "xp.snapshot=ask needs a terminal. Elsewhere, xp.snapshot=clean refuses what is not committed, "
            "and xp.snapshot=auto keeps it as it is."
        )
    there = uncommitted(place, store)
    if there is None or not there.changes:
        return
    paths = _choose(there)
    if paths:
        made = commit(there.root, paths, _message())
        print(f"Committed {len(paths)} of {len(there.changes)} as {made[:10]}.", file=sys.stderr)


def _choose(there: Uncommitted) -> list[str]:
    # What is in another repository is committed there.
    offered = [change for change in there.changes if not change.repository]
    print(f"Not committed on {there.branch or 'a detached HEAD'}, in {there.root}:", file=sys.stderr)
    for number, change in enumerate(offered, start=1):
        print(f"{number:>4}  {change}", file=sys.stderr)
    for change in there.changes:
        if change.repository:
            print(f"   -  {change}, a repository of its own", file=sys.stderr)
    while offered:
        numbers = chosen(_ask("Which go into a commit? all, none, numbers such as 1,3-5, or q to stop: "), len(offered))
        if numbers is not None:
            return [offered[number - 1].path for number in numbers]
    return []


def _message() -> str:
    while not (message := _ask("Message of the commit: ")):
        pass
    return message


def chosen(answer: str, count: int) -> Sequence[int] | None:
    """Read which of the numbers from 1 to ``count`` were meant, in order; None if that cannot be said."""
    if answer in ("all", "none"):
        return range(1, count + 1) if answer == "all" else ()
    numbers: set[int] = set()
    for part in answer.replace(",", " ").split():
        first, _, last = part.partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            return None
        if int(last or first) > count:
            return None
        numbers.update(range(int(first), int(last or first) + 1))
    return sorted(numbers) if numbers and 0 not in numbers else None


def _ask(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line or line.strip() in ("q", "quit"):
        raise SnapshotError("Nothing was started.")
    return line.strip()
