"""Owns the options by which subcommands choose results, and what is said of those that are missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from typedxp.cli.options import store_option
from typedxp.results.problems import ResultsWarning

Command = TypeVar("Command", bound=Callable[..., None])

STEP = "What counts of each run: its last value, its best, or that at a step."


def results_options(command: Command) -> Command:
    """Add the options that choose runs: ``--logs``, ``--experiment``, ``--where``."""
    options = (
        store_option,
        click.option("--experiment", metavar="NAME", help="Which one, where there are several."),
        click.option("--where", metavar="CONDITION", help="Read the runs that meet it, as in 'lr < 0.1'."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def split_names(_: click.Context, __: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    """Take lists with commas apart: ``--over seed,fold`` is ``--over seed --over fold``."""
    return tuple(name.strip() for text in given for name in text.split(",") if name.strip())


def names_option(*spellings: str, **options: Any) -> Callable[[Command], Command]:
    """Make an option that takes one name, or several with commas between them."""
    return click.option(*spellings, multiple=True, metavar="KEY,...", callback=split_names, **options)


def tell_gaps(gaps: Mapping[str, int]) -> None:
    """Say how many points have no completed run, by status: what is shown of them says less than it seems to."""
    if gaps:
        counts = ", ".join(f"{status}: {count}" for status, count in gaps.items())
        advice = " What such runs logged counts, unless --where \"status == 'completed'\" leaves them out."
        warnings.warn(
            f"Points without a completed run: {counts}.{advice if set(gaps) != {'missing'} else ''}",
            ResultsWarning,
            stacklevel=2,
        )
