"""Owns pickles: whatever Python can take apart, loaded by executing what the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typedxp.artifacts.kinds.kind import Kind


def _accepts(_: Any) -> bool:
    return True


def _save(value: Any, path: Path) -> None:
    import pickle

    with path.open("wb") as file:
        pickle.dump(value, file, protocol=pickle.HIGHEST_PROTOCOL)


def _load(path: Path) -> Any:
    import pickle

    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 - asked for by those who trust the file


KINDS = (Kind("pickle", (".pkl", ".pickle"), _accepts, _save, _load, unsafe=True, sequential=True),)
