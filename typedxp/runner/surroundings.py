"""Owns what a launch finds out before there is any run: the environment, and the data that the configs name."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from typedxp.stages.environment.document import Version, describe_environment
from typedxp.stages.inputs import sum_up_inputs
from typedxp.stages.snapshot.snapshot import take_snapshot
from typedxp.vocabulary.environment import EnvironmentDocument
from typedxp.vocabulary.inputs import InputRecord
from typedxp.vocabulary.plan import Plan
from typedxp.vocabulary.records import Code

if TYPE_CHECKING:
    from typedxp.vocabulary.settings import Settings

_LONG = 2**30
"""From so many bytes on, the user is told why nothing happens yet."""


def environment_of(settings: Settings, code: Code | None) -> EnvironmentDocument:
    """Describe the environment of a launch; ``code`` is that of the experiment, and recorded elsewhere."""
    looking = settings.model_copy(update={"snapshot": "off"})

    def version(place: Path) -> Version | None:
        found = take_snapshot(place, looking).code
        return (found.commit, found.dirty) if found is not None else None

    return describe_environment(settings.env, Path(code.root) if code is not None else None, version)


def inputs_of(plan: Plan) -> list[dict[str, InputRecord]]:
    """Return for each run of a plan the data that its config names, by dotted key.

    Raises:
        RecordError: a file or directory cannot be read, or changes at this time.
    """
    return sum_up_inputs((spec.judged.config for spec in plan.runs), _announce)


def _announce(path: Path, size: int) -> None:
    if size >= _LONG:
        print(
            f"typedxp: reading {os.path.relpath(path)} ({size / 2**30:.1f} GiB) once, for its SHA-256", file=sys.stderr
        )
