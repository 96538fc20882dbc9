"""Owns what one scheduler's lines in a script mean: a table from options to what they set, and the reader of lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from typedxp.schedulers.units import read_memory

Taken = Mapping[str, Any] | None
"""The fields of the profile that an option sets, and their values; None where no field can say it."""
Reader = Callable[[str], Taken]

# A word with its quotes, as it stands there.
_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:\\.|[^"\\])*"|'[^']*')+""")


@dataclass(frozen=True)
class Option:
    """One option of a line: its name, its value without quotes, and the text of both as it stands there."""

    name: str
    value: str
    text: str


@dataclass(frozen=True)
class Dialect:
    """How one scheduler reads its lines in a script.

    ``reads`` maps options to readers of their values; ``bare`` are options without a value; ``left`` are those that we
    write ourselves, or that make no sense here; ``place`` those that name the directory of the job. ``style`` is how
    options are spelled: ``getopt`` as -n4 and --tasks=4, ``words`` as -pe smp 4, ``line`` has one option on each line.
    ``everywhere`` tells that lines count behind the first command, too; ``close`` that no blank is needed behind the
    prefix; ``loose`` that there may be blanks before it, and that a line which ends with a backslash goes on.
    ``home`` are the variables in which a job finds the directory that it was submitted from. ``needs`` maps fields to
    those without which they say nothing. ``lists`` are options whose values, with commas between, might as well be
    given one by one; ``modes`` are options that change what those behind them on their line mean: what is put before
    their names; ``settle`` changes fields when all are known.

    Of what is said twice the last counts, but: ``adds`` are options that add to what they said before, ``first`` those
    of which the first counts; where ``unclear``, nobody knows.
    """

    scheduler: str
    prefixes: tuple[str, ...]
    reads: Mapping[str, Reader]
    style: Literal["getopt", "words", "line"] = "getopt"
    bare: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    place: frozenset[str] = frozenset()
    everywhere: bool = False
    close: bool = False
    loose: bool = False
    home: tuple[str, ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    modes: Mapping[str, str] = field(default_factory=dict)
    settle: Callable[[dict[str, Any]], dict[str, Any]] = dict
    adds: frozenset[str] = frozenset()
    first: frozenset[str] = frozenset()
    unclear: bool = False

    def directive(self, line: str) -> tuple[str, str] | None:
        """Part a line into the prefix and what follows; None if it is none that the scheduler reads."""
        blanks, behind = (r"\s*" if self.loose else ""), (r"[\s-]" if self.close else r"\s")
        match = re.match(rf"{blanks}({'|'.join(map(re.escape, self.prefixes))})(?={behind}|$)", line)
        return (match[1], line[match.end() :].strip()) if match else None

    def resembles(self, line: str) -> bool:
        """Whether somebody may take a line for a directive."""
        return replace(self, loose=True, close=True).directive(line) is not None

    def options(self, line: str) -> Iterator[Option]:
        """Part what follows the prefix into options."""
        if self.style == "line":
            name, value = re.match(r"(--[\w-]+|-\w)?\s*=?\s*(.*)", line.strip(), re.DOTALL).groups()  # type: ignore[union-attr]  # it matches all
            yield Option(name or "", value, line.strip())
            return
        line = line[: next((match.start() for match in _WORD.finditer(line) if match[0].startswith("#")), len(line))]
        words = _WORD.findall(line)
        if _WORD.sub("", line).strip():
            # There is a quote that does not end: what that means the scheduler may say.
            yield Option("", "", line.strip())
            return
        read = self._getopt if self.style == "getopt" else self._words
        while words:
            option = read(words)
            parts = [part.strip() for part in option.value.split(",")] if option.name in self.lists else []
            if len(parts) > 1:
                yield from (Option(option.name, part, f"{option.name} {part}") for part in parts if part)
            else:
                yield option

    def _getopt(self, words: list[str]) -> Option:
        text = words.pop(0)
        if text.startswith("--"):
            name, equals, value = text.partition("=")
        else:
            name, value = text[:2], text[2:]
            equals = value
        if not equals and name not in self.bare and words and not words[0].startswith("-"):
            value = words.pop(0)
            text = f"{text} {value}"
        return Option(name, unquoted(value), text)

    def _words(self, words: list[str]) -> Option:
        name = words.pop(0)
        values: list[str] = []
        while name not in self.bare and words and (not words[0].startswith("-") or (not values and name in self.reads)):
            values.append(words.pop(0))
        return Option(name, " ".join(map(unquoted, values)), " ".join([name, *values]))


def unquoted(word: str) -> str:
    """Take the quotes off a word; one that cannot be read is returned as it is."""
    try:
        return "".join(shlex.split(word))
    except ValueError:
        return word


def text(name: str) -> Reader:
    """Read a field as it stands there."""
    return lambda value: {name: value} if value else None


def number(name: str) -> Reader:
    """Read a whole number, but 0, which has a meaning of its own to most schedulers."""
    return lambda value: {name: int(value)} if re.fullmatch(r"[1-9]\d*", value, re.ASCII) else None


def integer(name: str) -> Reader:
    """Read a whole number that may be negative."""
    return lambda value: {name: int(value)} if re.fullmatch(r"[+-]?\d+", value, re.ASCII) else None


def many(name: str) -> Reader:
    """Read a list with commas between."""
    return lambda value: {name: value.split(",")} if value else None


def always(name: str, value: Any = True) -> Reader:
    """Read an option without a value."""
    return lambda _: {name: value}


def yes_no(name: str) -> Reader:
    """Read ``y`` and ``n``."""
    return lambda value: {name: value.startswith("y")} if value in ("y", "n", "yes", "no") else None


def memory(name: str, unit: str = "") -> Reader:
    """Read an amount of memory; ``unit`` is that of a number without one."""

    def read(value: str) -> Taken:
        spelled = f"{value}{unit}" if value.isdigit() else value
        try:
            read_memory(spelled)
        except ValueError:
            return None
        return {name: spelled}

    return read


def clock(name: str, first: Literal["h", "m", "s"] = "s") -> Reader:
    """Read ``H:M:S``; of fewer numbers the ``first`` unit is that of the last: M:S and S, or H:M and M, or H."""

    def read(value: str) -> Taken:
        if not re.fullmatch(r"\d+(:\d+){0,2}", value, re.ASCII):
            return None
        parts = [int(part) for part in value.split(":")]
        if first == "h":
            parts += [0] * (3 - len(parts))
        elif first == "m" and len(parts) < 3:
            parts.append(0)
        total = 0
        for part in parts:
            total = 60 * total + part
        return {name: f"{total}s"} if total else None

    return read


def mails(letters: str) -> Taken:
    """Read the letters of qsub for what mail is sent about."""
    words = {"b": "begin", "e": "end", "a": "fail"}
    return {"mail_on": [words[each] for each in letters]} if letters and set(letters) <= set(words) else None
