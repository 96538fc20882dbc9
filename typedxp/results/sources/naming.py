"""Owns what the streams of other tools are called: as their files, by short names where those are clear."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from typedxp.results.names import unused

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def stream_name(text: str) -> str:
    """Replace what cannot be in the name of a stream, which begins with a letter or a digit."""
    return _UNSAFE.sub("_", text).lstrip("_.-") or "stream"


def name_streams(files: Iterable[str]) -> dict[str, str]:
    """Name the stream in each file, given by its path below the run: all names are different.

    ``logs/train.csv`` is ``train``; if there is another ``train``, it is ``logs.train``.
    """
    paths = [PurePosixPath(file) for file in sorted(set(files))]
    stems = Counter(stream_name(path.stem) for path in paths)
    names: dict[str, str] = {}
    for path in paths:
        short = stream_name(path.stem)
        name = short if stems[short] == 1 else stream_name(".".join(path.with_suffix("").parts))
        names[str(path)] = unused(name, names.values())
    return names
