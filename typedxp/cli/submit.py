"""``typedxp submit``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from typedxp.runner.scripts.submitting import Submitting, submit_script
from typedxp.store.yaml import load


def _read_overrides(_: click.Context, __: click.Parameter, texts: Sequence[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not FIELD=VALUE, as in time=4h.")
        found[key.removeprefix("xp.profile.")] = load(value) if value else None
    return found


@click.command()
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("overrides", metavar="[FIELD=VALUE]...", nargs=-1, callback=_read_overrides)
@click.option("--scheduler", metavar="NAME", help="Whose directives of the script count.")
@click.option("-n", "--dry-run", is_flag=True, help="Show plans and job scripts, and submit nothing.")
def submit(script: Path, overrides: Mapping[str, object], scheduler: str | None, *, dry_run: bool) -> int:
    """Submit the sweeps of a job script, with the resources that its directives ask for.

    SCRIPT is executed here, and every experiment in it submits what it would run. FIELD=VALUE changes a field of the
    profile, as in time=4h.
    """
    return submit_script(script, Submitting(scheduler, overrides, dry_run))
