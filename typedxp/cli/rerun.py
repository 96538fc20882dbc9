"""``typedxp rerun``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from typedxp.cli.choosing import read_overrides
from typedxp.cli.repeating import how_to_repeat, nothing, repeating_options, stopped, tell_environment
from typedxp.runner.judging import judge_named, named_profile
from typedxp.runner.rerun import Repetition, prepare, repeat, repeat_as_jobs
from typedxp.runner.show import submitted, summary
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus
from typedxp.vocabulary.stopping import Stopped

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile


@click.command()
@click.argument("runs", type=click.IntRange(min=1), nargs=-1, required=True)
@repeating_options
@click.option("--profile", metavar="NAME", help="Submit them with this profile, instead of executing them here.")
@click.option("--set", "more", metavar="FIELD=VALUE", multiple=True, help="Change a field of the profile.")
def rerun(runs: Sequence[int], store: Path, *, profile: str | None, more: Sequence[str], **given: Any) -> int:
    """Make new runs of old RUNS: from the same code, with the same configs, and say what is different around them."""
    opened, chosen = Store(store), list(dict.fromkeys(runs))
    judged = _judged(profile, more)
    how = how_to_repeat("rerun", chosen, {**given, "submitted": judged is not None})
    repetitions = prepare(opened, [opened.run(number) for number in chosen], how)
    tell_environment(repetitions)
    if judged is not None:
        return _submit(opened, repetitions, judged)
    try:
        with closing(repeat(opened, repetitions, how.jobs, nothing)) as ended:
            good = []
            for repetition, directory, status in ended:
                print(f"run {repetition.old.id} again: {summary(directory, status)}", flush=True)
                good.append(status.status is RunStatus.COMPLETED)
    except Stopped as reason:
        return stopped(reason)
    return 0 if all(good) else 1


def _judged(name: str | None, more: Sequence[str]) -> Profile | None:
    if name is None and more:
        raise click.UsageError("--set changes a profile: choose one by --profile NAME.")
    return judge_named({**named_profile(name), **read_overrides(more)}, name) if name is not None else None


def _submit(store: Store, repetitions: Sequence[Repetition], profile: Profile) -> int:
    refused = False
    for directory, record in repeat_as_jobs(store, repetitions, profile):
        submitted([(directory, record)])
        refused |= record.refused is not None
    return 1 if refused else 0
