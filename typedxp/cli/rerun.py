"""``typedxp rerun``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from typedxp.cli.repeating import how_to_repeat, nothing, repeating_options, stopped, tell_environment
from typedxp.runner.rerun import prepare, repeat
from typedxp.runner.show import summary
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus
from typedxp.vocabulary.stopping import Stopped


@click.command()
@click.argument("runs", type=click.IntRange(min=1), nargs=-1, required=True)
@repeating_options
def rerun(runs: Sequence[int], store: Path, **given: Any) -> int:
    """Make new runs of old RUNS: from the same code, with the same configs, and say what is different around them."""
    opened, chosen = Store(store), list(dict.fromkeys(runs))
    how = how_to_repeat("rerun", chosen, given)
    repetitions = prepare(opened, [opened.run(number) for number in chosen], how)
    tell_environment(repetitions)
    try:
        with closing(repeat(opened, repetitions, how.jobs, nothing)) as ended:
            good = []
            for repetition, directory, status in ended:
                print(f"run {repetition.old.id} again: {summary(directory, status)}", flush=True)
                good.append(status.status is RunStatus.COMPLETED)
    except Stopped as reason:
        return stopped(reason)
    return 0 if all(good) else 1
