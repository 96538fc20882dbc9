"""Owns every error that typedxp raises on purpose.

    TypedxpError
    ├── DeclarationError    an experiment or its schema cannot be used
    ├── ConfigError         values that are wrong: every problem at once
    ├── PlanError           a sweep that cannot be planned
    ├── SnapshotError       code that cannot be recorded as it was asked for
    ├── StoreError          a directory that cannot be used as a store, or a run that is not there
    ├── RecordError         something that cannot be recorded
    ├── ExecutionError      runs that cannot be started
    ├── ProfileError        a profile that a scheduler cannot express
    ├── SchedulerError      a scheduler that refused, or gave no answer
    └── ResultsError        results that cannot be read

The command line prints the message of any of them, without a traceback, and exits with code 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class TypedxpError(Exception):
    """Anything that went wrong for a reason that the user can do something about."""


class DeclarationError(TypedxpError):
    """An experiment, or the schema of its config, cannot be used as declared."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the values of a config.

    ``value`` is text, ready to be shown (secrets are redacted), or empty where there is no value. ``points`` counts the
    points of the sweep that have the problem, ``example`` is one of them; 0 says that it is the same for all points.
    """

    key: str
    value: str
    origin: str
    message: str
    points: int = 0
    example: str = ""


class ConfigError(TypedxpError):
    """Values that were refused: every problem at once, each with the place it came from."""

    def __init__(self, name: str, problems: Sequence[Problem], points: int = 1) -> None:
        self.name = name
        self.problems = tuple(problems)
        self.points = points
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__("\n".join([f"{count} in {name}:", *map(self._describe, self.problems)]))

    def _describe(self, problem: Problem) -> str:
        what = f"{problem.key} = {problem.value}" if problem.key and problem.value else problem.key or problem.value
        origin = f"  ({problem.origin})" if problem.origin else ""
        hits = f"  in {problem.points} of {self.points} points" if problem.points and self.points > 1 else ""
        if hits and problem.example and not problem.value and problem.points < self.points:
            hits += f", such as {problem.example}"
        message = problem.message.replace("\n", "\n    ")
        return f"  {what}{origin}{hits}\n    {message}"


class PlanError(TypedxpError):
    """A sweep cannot be planned as it was asked for."""


class SnapshotError(TypedxpError):
    """The code cannot be recorded as it was asked for."""


class StoreError(TypedxpError):
    """A directory cannot be used as a store, or a run is not there."""


class RecordError(TypedxpError):
    """Something that a run logs cannot be recorded."""


class ExecutionError(TypedxpError):
    """Runs cannot be started as they were asked for."""


class ProfileError(TypedxpError):
    """A profile cannot be found, or asks for what its scheduler cannot express."""


class SchedulerError(TypedxpError):
    """A scheduler's command failed, gave no answer, or one that cannot be read."""


class ResultsError(TypedxpError):
    """Results cannot be read as they were asked for."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which of the ``known`` words was probably meant, or which there are: text to put after a refusal."""
    import difflib

    words = sorted(set(known))
    matches = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if not matches:
        # The last part alone may be what was meant, or misspelt: `lr` for `optimizer.lr`.
        ends = {known_word.rpartition(".")[2]: known_word for known_word in reversed(words)}
        matches = [ends[end] for end in difflib.get_close_matches(word.rpartition(".")[2], ends, n=1, cutoff=0.6)]
    if matches:
        return f"Did you mean {matches[0]}?"
    return f"Known: {', '.join(words)}." if words else ""
