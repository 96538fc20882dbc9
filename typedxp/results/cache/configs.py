"""Owns the configs that were read before: that of a store of many commands, few files need be read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from typedxp.results.cache.sealed import read_sealed, write_sealed

LAYOUT = 1
"""The version of the files: others are not read."""

_BLOCK = 4096


class Configs:
    """The configs of finished runs, so that of a store of many commands few files are read again.

    logs/.typedxp/index/configs-<block>.json    for each id, the stamp of the run and its config
    """

    def __init__(self, cache: Path, stamps: Mapping[int, int]) -> None:
        self._cache = cache
        self._stamps = stamps
        self._blocks: dict[int, dict[str, Any]] = {}
        self._new: set[int] = set()

    def get(self, run: int) -> dict[str, Any] | None:
        """Return the config of a run, if it was kept and the run is still the same."""
        stamp, config = self._block(run).get(str(run), (0, None))
        return config if stamp == self._stamps[run] and isinstance(config, dict) else None

    def keep(self, run: int, config: dict[str, Any]) -> None:
        """Keep a config, until it is written; not if the run may still change, or JSON does not hold it as it is."""
        with suppress(TypeError, ValueError):
            copied = json.loads(json.dumps(config))
            if self._stamps[run] > 0 and repr(copied) == repr(config):
                self._block(run)[str(run)] = (self._stamps[run], copied)
                self._new.add(run // _BLOCK)

    def write(self) -> None:
        """Write down what was kept."""
        for block in self._new:
            known = self._blocks[block]
            current = {run: kept for run, kept in known.items() if self._stamps.get(int(run), kept[0]) == kept[0]}
            with suppress(OSError, TypeError, ValueError):
                write_sealed(self._path(block), json.dumps({"layout": LAYOUT, "configs": current}).encode())
        self._new.clear()

    def _block(self, run: int) -> dict[str, Any]:
        block = run // _BLOCK
        if block not in self._blocks:
            self._blocks[block] = {}
            with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
                raw = json.loads(read_sealed(self._path(block)))
                if raw["layout"] == LAYOUT:
                    self._blocks[block] = {run: (int(stamp), kept) for run, (stamp, kept) in raw["configs"].items()}
        return self._blocks[block]

    def _path(self, block: int) -> Path:
        return self._cache / "index" / f"configs-{block}.json"
