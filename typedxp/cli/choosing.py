"""Owns how runs are chosen on a command line: ids, ranges, sweeps, and a condition."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import click

from typedxp.cli.options import store_option
from typedxp.errors import StoreError
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.store.yaml import load
from typedxp.vocabulary.listing import span
from typedxp.vocabulary.telling import tell

Command = TypeVar("Command", bound=Callable[..., object])

_RANGE = re.compile(r"([1-9]\d{0,17})(?:-([1-9]\d{0,17}))?")
_SWEEP = re.compile(r"[0-9a-f]{6,12}")


def choosing_options(command: Command) -> Command:
    """Add the argument RUNS, ``--where`` and the store, and a value for each to the call."""
    runs = click.argument("runs", nargs=-1, metavar="[RUNS|SWEEP]...", callback=_check)
    return runs(where_options(command))


def where_options(command: Command) -> Command:
    """Add ``--where`` and the store, and a value for each to the call."""
    where = click.option("--where", metavar="CONDITION", help='Only runs that meet it, as in "lr > 0.1".')
    return where(store_option(command))


def check_words(words: Sequence[str]) -> Sequence[str]:
    """Return words that choose runs.

    Raises:
        BadParameter: one cannot.
    """
    for word in words:
        if not (_RANGE.fullmatch(word) or _SWEEP.fullmatch(word)):
            raise click.BadParameter(f"{word!r} is no run (12), no range (3-7), and no sweep (as in `typedxp show`).")
    return words


def names_runs(word: str) -> bool:
    """Whether a word names runs by their ids, and not a sweep."""
    match = _RANGE.fullmatch(word)
    return match is not None and not (len(word) == 12 and match[2] is None)


def read_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """Read what is to be changed of a profile, as in ``time=4h``.

    Raises:
        BadParameter: a text says nothing of the kind.
    """
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{text!r} is not FIELD=VALUE, as in time=4h.")
        found[key.removeprefix("xp.profile.")] = _value(value)
    return found


def chosen(store: Path, words: Sequence[str], where: str | None) -> list[RunDirectory]:
    """Return the runs that were chosen, each once and in the order of the words: all if there is none.

    Raises:
        StoreError: there is no such run or sweep.
        ResultsError: the condition cannot be met by the runs.
    """
    home = Store(store)
    runs = list(dict.fromkeys(run for word in words for run in _meant(home, word)) if words else home.runs())
    if not runs:
        tell(f"There are no runs in {store}.")
    if where is None or not runs:
        return runs
    met, note = _meeting(store, where)
    left = [run for run in runs if run.id in met]
    if not left:
        tell(note or f"No run that is named meets {where!r}.")
    return left


def _check(_: click.Context, __: click.Parameter, words: Sequence[str]) -> Sequence[str]:
    return check_words(words)


def _value(text: str) -> Any:
    """Read lists, mappings, and what is unset or yes or no, as YAML has them: any other text is what it is."""
    if text[:1] not in "[{" and text not in ("null", "true", "false"):
        return text
    try:
        return load(text) if text else None
    except ValueError as error:
        raise click.BadParameter(f"{text!r} cannot be read: {error}") from None


def _meant(store: Store, word: str) -> Iterator[RunDirectory]:
    match = _RANGE.fullmatch(word)
    if match is None or not names_runs(word):
        yield from _of_sweep(store, word)
    elif match[2] is None:
        yield store.run(int(word))
    else:
        first, last = int(match[1]), int(match[2])
        found = [run for run in store.runs() if first <= run.id <= last]
        if not found:
            raise StoreError(f"There is no run from {first} to {last} in {store.path}.")
        if gaps := _gaps([first - 1, *sorted(run.id for run in found), last + 1]):
            tell(f"Of {word}, there is no run {', '.join(gaps)}.")
        yield from found


def _gaps(numbers: Sequence[int]) -> list[str]:
    """Say what is missing between whole numbers, as in ``3-5`` and ``9``."""
    between = [(low + 1, high - 1) for low, high in pairwise(numbers) if high - low > 1]
    return [span(low, high) for low, high in between]


def _of_sweep(store: Store, word: str) -> list[RunDirectory]:
    found = [run for run in store.runs() if _is_of(run, word)]
    if not found:
        raise StoreError(f"There is no sweep {word} in {store.path}.")
    return found


def _is_of(run: RunDirectory, sweep: str) -> bool:
    try:
        return run.read_record().sweep.startswith(sweep)
    except StoreError as error:
        tell(error)
        return False


def _meeting(store: Path, where: str) -> tuple[set[int], str]:
    """Return the runs of a store that meet a condition, and why there are none."""
    # It works with arrays, which take time to load.
    from typedxp.results.runs.listing import list_runs

    found = list_runs(store, ("run",), where)
    return set(found.columns["run"]), found.note
