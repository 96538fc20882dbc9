"""``typedxp retry``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from typedxp.cli.choosing import check_words, chosen, names_runs, read_overrides, where_options
from typedxp.runner.following import Standing, follow
from typedxp.runner.retrying import Retrying, ended_as, judge
from typedxp.runner.retrying import retry as submit_again
from typedxp.runner.show import submitted
from typedxp.store.store import Store
from typedxp.vocabulary.listing import listed
from typedxp.vocabulary.records import RunStatus
from typedxp.vocabulary.telling import tell

_CAUSES = {
    "failed": RunStatus.FAILED,
    "lost": RunStatus.LOST,
    "timeout": RunStatus.TIMEOUT,
    "oom": RunStatus.OUT_OF_MEMORY,
    "cancelled": RunStatus.CANCELLED,
    "preempted": RunStatus.PREEMPTED,
}


def _read_scale(_: click.Context, __: click.Parameter, text: str | None) -> dict[str, float]:
    found = {}
    for part in text.split(",") if text else ():
        key, _equals, factor = part.partition("=")
        try:
            found[key] = float(factor)
        except ValueError:
            raise click.BadParameter(f"{part!r} is not FIELD=FACTOR, as in time=2,mem=1.5.") from None
        if key not in ("time", "mem") or not 1 < found[key] < math.inf:
            raise click.BadParameter(f"{part!r}: what can be raised is time and mem, by a factor of more than 1.")
    return found


@click.command()
@click.argument("words", nargs=-1, metavar="[RUNS|SWEEP|FIELD=VALUE]...")
@where_options
@click.option("--failed", is_flag=True, help="Those that failed.")
@click.option("--lost", is_flag=True, help="Those that are lost.")
@click.option("--timeout", is_flag=True, help="Those that ran out of time.")
@click.option("--oom", is_flag=True, help="Those that ran out of memory.")
@click.option("--cancelled", is_flag=True, help="Those that were cancelled.")
@click.option("--preempted", is_flag=True, help="Those that were preempted.")
@click.option("--profile", metavar="NAME", help="Submit with another profile.")
@click.option("--set", "more", metavar="FIELD=VALUE", multiple=True, help="Change the profile, as the words do.")
@click.option(
    "--scale", metavar="time=2,mem=1.5", callback=_read_scale, help="Raise what ran out: time for those that timed out."
)
def retry(
    words: Sequence[str],
    where: str | None,
    store: Path,
    *,
    profile: str | None,
    more: Sequence[str],
    scale: Mapping[str, float],
    **causes: bool,
) -> int:
    """Submit runs again that did not complete, in their directories: just those points, as one array.

    RUNS are ids (12), ranges (3-7) or sweeps; all of the store by default. FIELD=VALUE changes a field of the profile,
    as in time=4h; xp/profile=NAME chooses another. What has completed is left alone.
    """
    runs = check_words([word for word in words if "=" not in word])
    changes = [word for word in [*words, *more] if "=" in word or word not in runs]
    named = [word.partition("=")[2] for word in changes if word.startswith("xp/profile=")]
    overrides = read_overrides([word for word in changes if not word.startswith("xp/profile=")])
    wanted = {word for cause, word in _CAUSES.items() if causes[cause]} or set(_CAUSES.values())
    standings = follow(Store(store), chosen(store, runs, where), tell)
    _refuse_underway(standings, runs, asked=any(causes.values()) or where is not None)
    how = Retrying(named[-1] if named else profile, overrides, scale)
    judge(standings, how)
    left = _possible([one for one in standings if wanted & {one.status.status, ended_as(one)}], runs, how)
    if not left:
        print("There is nothing to retry.")
        return 0
    made = []
    for job in submit_again(left, how):
        submitted([job])
        made.append(job)
    return 1 if any(record.refused for _, record in made) else 0


def _refuse_underway(standings: Iterable[Standing], words: Sequence[str], *, asked: bool) -> None:
    """Refuse runs that were named one by one, and have not ended; of a sweep, the others are meant."""
    ids = [one.directory.id for one in standings if not one.status.status.final]
    if ids and words and all(map(names_runs, words)) and not asked:
        are = "is" if len(ids) == 1 else "are"
        raise click.UsageError(f"{listed(ids).capitalize()} {are} underway: cancel first, or wait.")


def _possible(standings: Sequence[Standing], words: Sequence[str], how: Retrying) -> Sequence[Standing]:
    """Leave out runs that nobody has named, and of which it is not known how to submit them."""
    unknown = [one.directory.id for one in standings if one.job is None]
    if how.profile is not None or words or not unknown or len(unknown) == len(standings):
        return standings
    tell(
        f"{listed(unknown).capitalize()} had no job yet: left alone. To submit them: typedxp retry RUNS --profile NAME"
    )
    return [one for one in standings if one.job is not None]
