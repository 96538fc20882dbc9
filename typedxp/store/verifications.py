"""Owns verification.json, which lies beside the other files of a run that was repeated: how the two compare."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from dataclasses import replace as with_changes
from pathlib import Path
from typing import Any

from typedxp.errors import StoreError
from typedxp.store.directory import RunDirectory, dump, load
from typedxp.store.files import reason, replace
from typedxp.store.streams import spell, unspell
from typedxp.store.whole import known
from typedxp.vocabulary.verification import Difference, Outcome, Part, Verification


def write(directory: RunDirectory, verification: Verification) -> None:
    """Write down how a finished run compares with its repetition, in place of what was written of it before.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        replace(_file(directory), dump(_spelt(verification)), durable=True)
        # Whoever keeps what is known of finished runs looks at the time of this file only, to see whether one changed.
        os.utime(directory.status_file)
    except OSError as error:
        raise StoreError(f"{_file(directory)} cannot be written: {reason(error)}.") from error


def read(directory: RunDirectory) -> Verification | None:
    """Return how a run compares with its repetition; None if it was not repeated.

    Raises:
        StoreError: verification.json is damaged, or of a later format than this version knows.
    """
    path = _file(directory)
    try:
        raw = load(path)
        return Verification(
            **known(Verification, raw)
            | {
                "outcome": Outcome(raw["outcome"]),
                "ignored": tuple(raw.get("ignored", ())),
                "environment": tuple(raw.get("environment", ())),
                "parts": tuple(map(_part, raw.get("parts", ()))),
            }
        )
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{path} is damaged: {error!r}.") from error


def plain(verification: Verification) -> dict[str, Any]:
    """Return what verification.json says, as plain values."""
    return asdict(_spelt(verification))


def _file(directory: RunDirectory) -> Path:
    return directory.path / "verification.json"


def _spelt(verification: Verification) -> Verification:
    """Leave out what JSON cannot say: a difference from 0 has no relative size; NaN is spelt as in streams."""
    return with_changes(verification, parts=tuple(map(_spelt_part, verification.parts)))


def _spelt_part(part: Part) -> Part:
    relative = part.relative if part.relative is not None and math.isfinite(part.relative) else None
    found = part.difference
    if found is not None:
        found = with_changes(found, recorded=spell(found.recorded), repeated=spell(found.repeated))
    return with_changes(part, relative=relative, difference=found)


def _part(raw: dict[str, Any]) -> Part:
    found = raw.get("difference")
    difference = None
    if found:
        values = {name: unspell(found[name]) for name in ("recorded", "repeated")}
        difference = Difference(**known(Difference, found) | values)
    return Part(**known(Part, raw) | {"outcome": Outcome(raw["outcome"]), "difference": difference})
