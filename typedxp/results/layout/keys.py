"""Owns which keys become dimensions: those that were swept or vary, unless others are asked for."""

from __future__ import annotations

from collections.abc import Iterable

from typedxp.errors import ResultsError, nearest
from typedxp.results.request import Request
from typedxp.results.runs.commands import Commands
from typedxp.results.runs.table import Fact


def choose_keys(commands: Commands, request: Request) -> dict[str, Fact]:
    """Return the keys that are dimensions, in order, and what each run was given at them.

    Asked for can be every key, by its last parts where those are clear, and every other fact of the runs: ``code``,
    ``host``.

    Raises:
        ResultsError: there is no such key.
    """
    found = commands.told_by
    if request.dims is not None:
        found = tuple(_find(commands, name, found) for name in request.dims)
    for name in request.rename:
        _find(commands, name, found)
    dropped = {_find(commands, name, found) for name in request.drop}
    return {
        key: commands.table.facts[key]
        if tells_of_runs(commands, key)
        else commands.fact(key, thorough=request.dims is not None)
        for key in dict.fromkeys(found)
        if key not in dropped
    }


def tells_of_runs(commands: Commands, key: str) -> bool:
    """Tell whether this is no key of a config, but another fact of the runs."""
    return key in commands.table.facts and key not in commands.keys


def _find(commands: Commands, name: str, known: Iterable[str]) -> str:
    """Return the key that a name means."""
    keys = [*known, *(key for key in commands.keys if key not in known)]
    if name in keys or name in commands.table.facts:
        return name
    ending = [key for key in keys if key.endswith(f".{name}")]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise ResultsError(f"{name!r} may be one of {', '.join(ending)}: write more of it.")
    raise ResultsError(f"No run has a key {name!r}. {nearest(name, [*keys, *commands.table.facts])}")
