"""Owns what other tools wrote down of data: DVC in a file beside it, git-lfs in its place."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from typedxp.store.yaml import load
from typedxp.vocabulary.inputs import InputRecord

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_LFS = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\nsize (\d+)\n")
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


def recorded_by_dvc(path: Path, size: int, files: int | None, newest_ns: int) -> tuple[InputRecord | None, str | None]:
    """Return what the file of DVC beside ``path`` says of it, if there is one and the sizes agree, and what is odd.

    ``newest_ns`` is when the data changed last, in nanoseconds since 1970. The hash is DVC's: MD5, of a directory that
    of its listing in JSON. https://dvc.org/doc/user-guide/project-structure/dvc-files
    """
    beside = path.with_name(f"{path.name}.dvc")
    out = _out(beside, path.name)
    if out is None:
        return None, None
    if out.get("size") != size or (files is not None and out.get("nfiles", files) != files):
        return None, f"it is not what {beside.name} has recorded"
    note = f"it was changed after {beside.name}, and not compared" if newest_ns > beside.stat().st_mtime_ns else None
    return InputRecord(str(path), size, out["md5"], "md5", files, "dvc", note), None


def recorded_by_lfs(path: Path) -> InputRecord | None:
    """Return what stands in the place of a file that git-lfs has not fetched; None if ``path`` is anything else.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_file() and (found := _LFS.match(path.read_bytes()[:1024])) is not None:
        note = "its content is not here, only what git-lfs writes of it: git lfs pull"
        return InputRecord(str(path), int(found[2]), found[1].decode(), source="git-lfs", note=note)
    return None


def _out(beside: Path, name: str) -> dict[str, Any] | None:
    """Return what a file of DVC says of the output of this name."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        for out in load(beside.read_text("utf-8"))["outs"]:
            if out["path"] == name and isinstance(out.get("md5"), str) and _MD5.fullmatch(out["md5"]):
                return dict(out)
    return None
