"""Owns what is refused before anything is kept: trees that are not clean, files that are too large for git."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from typedxp.errors import SnapshotError
from typedxp.stages.snapshot.tree import Working, spell

_SHOWN = 20


def refuse_dirty(working: Working) -> None:
    """Make sure that everything is committed.

    Raises:
        SnapshotError: it is not; the message lists what.
    """
    if working.dirty:
        listed = shown([str(change) for change in working.changes])
        raise SnapshotError(
            f"xp.snapshot=clean: there is something to commit in {working.repository.root}:\n{listed}\n"
            "Commit it, have git ignore it, or record it as it is: xp.snapshot=auto."
        )


def refuse_large(working: Working, max_file: int, max_total: int) -> None:
    """Make sure that what a snapshot adds to the repository is of moderate size; limits are in bytes.

    Raises:
        SnapshotError: it is not; the message lists the files, the largest first.
    """
    files = sorted(working.files(), key=lambda file: -file[1])
    large = [(path, size) for path, size in files if size > max_file]
    kept_elsewhere = set(_filtered(working, [path for path, _ in large]))
    large = [(path, size) for path, size in large if path not in kept_elsewhere]
    advice = "Have git ignore them (.gitignore), commit them, raise the limit, or keep no snapshot: xp.snapshot=off."
    if large:
        limit = f"xp.snapshot_max_file={_size(max_file)}"
        raise SnapshotError(f"Files that are not committed are larger than {limit}:\n{_listed(large)}\n{advice}")
    added = [(path, size) for path, size in files if path not in kept_elsewhere]
    total = sum(size for _, size in added)
    if total > max_total:
        limit = f"xp.snapshot_max_total={_size(max_total)}"
        raise SnapshotError(
            f"Files that are not committed have {_size(total)} together, more than {limit}. The largest:\n"
            f"{_listed(added)}\n{advice}"
        )


def shown(lines: Sequence[str], most: int = _SHOWN) -> str:
    """Indent lines, and count those beyond the first few."""
    rest = [f"... and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join(f"  {line}" for line in (*lines[:most], *rest))


def _filtered(working: Working, paths: Sequence[str]) -> Iterator[str]:
    """Yield those of the paths of which git keeps something else than the content, such as a pointer of git-lfs."""
    if paths:
        told = b"".join(os.fsencode(path) + b"\0" for path in paths)
        words = os.fsdecode(working.repository.ask("check-attr", "-z", "--stdin", "filter", told=told)).split("\0")
        for path, value in zip(words[::3], words[2::3], strict=False):
            if value not in ("unspecified", "unset", "set", ""):
                yield path


def _listed(files: Sequence[tuple[str, int]]) -> str:
    return shown([f"{spell(path)} ({_size(size)})" for path, size in files])


def _size(number: int) -> str:
    from pydantic import ByteSize

    return ByteSize(number).human_readable(decimal=True)
