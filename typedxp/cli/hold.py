"""``typedxp hold``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from typedxp.cli.acting import act
from typedxp.cli.choosing import choosing_options
from typedxp.runner import acting


@click.command()
@choosing_options
def hold(runs: Sequence[str], where: str | None, store: Path) -> int:
    """Keep what is queued of RUNS from starting.

    RUNS are ids (12), ranges (3-7) or sweeps.
    """
    return act(acting.hold, "held", store, runs, where)
