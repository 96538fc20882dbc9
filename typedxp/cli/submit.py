"""``typedxp submit``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from typedxp.cli.choosing import read_overrides
from typedxp.runner.scripts.submitting import Submitting, submit_script


@click.command()
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("overrides", metavar="[FIELD=VALUE]...", nargs=-1, callback=lambda _, __, texts: read_overrides(texts))
@click.option("--scheduler", metavar="NAME", help="Whose directives of the script count.")
@click.option("-n", "--dry-run", is_flag=True, help="Show plans and job scripts, and submit nothing.")
def submit(script: Path, overrides: Mapping[str, object], scheduler: str | None, *, dry_run: bool) -> int:
    """Submit the sweeps of a job script, with the resources that its directives ask for.

    SCRIPT is executed here, and every experiment in it submits what it would run. FIELD=VALUE changes a field of the
    profile, as in time=4h.
    """
    return submit_script(script, Submitting(scheduler, overrides, dry_run))
