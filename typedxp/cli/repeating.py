"""Owns the options by which subcommands make runs again, and what they tell of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import click

from typedxp.cli.options import store_option
from typedxp.runner.rerun import Repeating, Repetition
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.stopping import Stopped
from typedxp.vocabulary.telling import tell

Command = TypeVar("Command", bound=Callable[..., object])

_SHOWN = 10


def repeating_options(command: Command) -> Command:
    """Add the options that say how runs are made again, and a value for each to the call."""
    options = (
        store_option,
        click.option("--in-place-code", is_flag=True, help="Execute today's code instead of that of the runs."),
        click.option(
            "--repository",
            type=click.Path(path_type=Path),
            help="Where the repository of the code is, if it was moved.",
        ),
        click.option(
            "--link",
            "links",
            type=click.Path(path_type=Path),
            multiple=True,
            help="A file or directory that git ignores, and that the runs need; may be given again.",
        ),
        click.option(
            "--secret",
            "secrets",
            metavar="KEY=VARIABLE",
            multiple=True,
            callback=_read_secrets,
            help="The environment variable that holds a secret of the configs; may be given again.",
        ),
        click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, help="Execute so many at a time.  [1]"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def how_to_repeat(verb: str, runs: Sequence[int], given: Mapping[str, object]) -> Repeating:
    """Make of the values of the options what the runner goes by."""
    return Repeating(**given, command=("typedxp", verb, *map(str, runs)))  # type: ignore[arg-type]  # click made them


def tell_environment(repetitions: Iterable[Repetition]) -> None:
    """Say once what is different in the environment of now, and for which runs."""
    told: dict[tuple[str, ...], list[int]] = {}
    for repetition in repetitions:
        told.setdefault(repetition.differing, []).append(repetition.old.id)
    for lines, runs in told.items():
        if lines:
            noun = "run" if len(runs) == 1 else "runs"
            print(f"Different from the environment of {noun} {', '.join(map(str, runs))}:", file=sys.stderr)
            for line in lines[:_SHOWN]:
                print(f"  {line}", file=sys.stderr)
            if len(lines) > _SHOWN:
                print(f"  ... and {len(lines) - _SHOWN} more: typedxp diff tells all", file=sys.stderr)


def nothing(_: RunDirectory) -> None:
    """Hear that a run has started."""


def stopped(reason: Stopped) -> int:
    """Say that a signal stopped us; return the exit code that this has."""
    tell(reason)
    return 128 + reason.request.signal


def _read_secrets(_: click.Context, __: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    """Read secrets from the environment: on a command line, everybody on the machine could read them."""
    found = {}
    for text in given:
        key, equals, variable = text.partition("=")
        if not (key and equals and variable):
            raise click.BadParameter(f"{text!r} is not KEY=VARIABLE.")
        if variable not in os.environ:
            raise click.BadParameter(f"There is no environment variable {variable}. Name one that holds the secret.")
        found[key] = os.environ[variable]
    return found
