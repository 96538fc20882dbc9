"""``typedxp retry``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from typedxp.cli.choosing import choosing_options, chosen, warn
from typedxp.runner.acting import Retrying
from typedxp.runner.acting import retry as submit_again
from typedxp.runner.following import follow
from typedxp.runner.show import submitted
from typedxp.store.store import Store
from typedxp.store.yaml import load
from typedxp.vocabulary.records import RunStatus

_CAUSES = {
    "failed": (RunStatus.FAILED,),
    "lost": (RunStatus.LOST,),
    "timeout": (RunStatus.TIMEOUT,),
    "oom": (RunStatus.OUT_OF_MEMORY,),
    "cancelled": (RunStatus.CANCELLED,),
    "preempted": (RunStatus.PREEMPTED,),
}


def _read_scale(_: click.Context, __: click.Parameter, text: str | None) -> dict[str, float]:
    found = {}
    for part in (text or "").split(",") if text else ():
        key, _equals, factor = part.partition("=")
        try:
            found[key] = float(factor)
        except ValueError:
            raise click.BadParameter(f"{part!r} is not FIELD=FACTOR, as in time=2,mem=1.5.") from None
        if key not in ("time", "mem") or not found[key] > 0:
            raise click.BadParameter(f"{part!r}: what can be raised is time and mem, by a factor.")
    return found


def _read_overrides(_: click.Context, __: click.Parameter, texts: Sequence[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not FIELD=VALUE, as in time=4h.")
        found[key.removeprefix("xp.profile.")] = load(value) if value else None
    return found


@click.command()
@choosing_options
@click.option("--failed", is_flag=True, help="Those that failed.")
@click.option("--lost", is_flag=True, help="Those that are lost.")
@click.option("--timeout", is_flag=True, help="Those that ran out of time.")
@click.option("--oom", is_flag=True, help="Those that ran out of memory.")
@click.option("--cancelled", is_flag=True, help="Those that were cancelled.")
@click.option("--preempted", is_flag=True, help="Those that were preempted.")
@click.option("--profile", metavar="NAME", help="Submit with another profile.")
@click.option(
    "--set", "overrides", metavar="FIELD=VALUE", multiple=True, callback=_read_overrides, help="Change the profile."
)
@click.option(
    "--scale", metavar="time=2,mem=1.5", callback=_read_scale, help="Raise what ran out: time for those that timed out."
)
def retry(
    runs: Sequence[str],
    where: str | None,
    store: Path,
    *,
    profile: str | None,
    overrides: Mapping[str, object],
    scale: Mapping[str, float],
    **causes: bool,
) -> int:
    """Submit runs again that did not complete, in their directories: just those points, as one array.

    RUNS are ids (12), ranges (3-7) or sweeps; all of the store by default. What completed or is underway is left alone.
    """
    wanted = {word for cause, words in _CAUSES.items() if causes[cause] for word in words}
    wanted = wanted or set(RunStatus) - {RunStatus.COMPLETED}
    standings = [
        standing
        for standing in follow(Store(store), chosen(store, runs, where), warn)
        if standing.status.status.final and standing.status.status in wanted
    ]
    if not standings:
        print("There is nothing to retry.")
        return 0
    made = list(submit_again(standings, Retrying(profile, overrides, scale)))
    submitted(made)
    return 1 if any(record.refused for _, record in made) else 0
