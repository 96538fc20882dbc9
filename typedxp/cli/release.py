"""``typedxp release``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from typedxp.cli.acting import act
from typedxp.cli.choosing import choosing_options
from typedxp.runner import acting


@click.command()
@choosing_options
def release(runs: Sequence[str], where: str | None, store: Path) -> int:
    """Let those of RUNS start that are held.

    RUNS are ids (12), ranges (3-7) or sweeps.
    """
    return act(acting.release, "released", store, runs, where)
