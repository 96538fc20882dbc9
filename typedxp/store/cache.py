"""Owns what is kept for later from one launch to the next, for the user and not for one store: only to save time.

~/.cache/typedxp/           or what XDG_CACHE_HOME says; deleting it loses nothing
  distributions/  inputs/   one file per thing that was looked at, named by the SHA-256 of what it is called
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from typedxp.store.files import replace

RACY_NS = 2_000_000_000
"""What changed so short a time ago, in nanoseconds, may change once more without a later time to show for it."""


def cached(kind: str, name: str) -> Any:
    """Return what was kept under a name, or None: plain values."""
    try:
        return orjson.loads(_file(kind, name).read_bytes())
    except (OSError, ValueError, RuntimeError):
        return None


def keep(kind: str, name: str, value: Any) -> None:
    """Keep plain values, or dataclasses, under a name, if there is any place for them."""
    with suppress(OSError, TypeError, RuntimeError):
        path = _file(kind, name)
        # What a user's files are called is nobody else's business.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(path, orjson.dumps(value))


def settled(*changed_ns: int) -> bool:
    """Say whether all these times of changes, in nanoseconds since 1970, are so old that they tell of later changes."""
    return max(changed_ns, default=0) < time.time_ns() - RACY_NS


def _file(kind: str, name: str) -> Path:
    import hashlib

    home = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(home) if os.path.isabs(home) else Path.home() / ".cache"
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return root / "typedxp" / kind / f"{digest}.json"
