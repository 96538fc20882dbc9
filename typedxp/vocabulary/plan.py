"""Owns the words from the command line to the plan: assignments, points, run specs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from typedxp.errors import Problem
from typedxp.vocabulary.schema import Key, Model

Verb = Literal["set", "add", "force", "delete", "replace"]
"""What an override does: ``k=v``, ``+k=v``, ``++k=v``, ``~k``; Python also replaces whole values."""

PREFIXES: Mapping[Verb, str] = {"set": "", "add": "+", "force": "++", "delete": "~", "replace": ""}


_WORD = re.compile(r"(\.{0,2}/)?[A-Za-z_][\w/.+@%-]*", re.ASCII)

REDACTED = "**********"
"""Stands for a secret wherever one would be written or printed; pydantic's word for it."""


class TypedInt(int):
    """A whole number that knows how it was typed: a field of text gets the text."""

    text: str


class TypedFloat(float):
    """A number that knows how it was typed: a field of text gets the text, as in ``name=1e3``."""

    text: str


@dataclass(frozen=True)
class Assignment:
    """One override: several values make it an axis of the sweep. ``text`` is what was typed."""

    verb: Verb
    key: str
    values: tuple[Any, ...]
    text: str
    package: str | None = None
    sweep: bool = False
    origin: str = "command line"
    typed: str = ""
    """The key as it was typed, where it may have aliases in it: what they mean depends on the options."""

    def override(self, value: Any) -> str:
        """Write the override that gives this one value."""
        name = f"{PREFIXES[self.verb]}{self.key}" + (f"@{self.package}" if self.package else "")
        if self.verb == "delete" and value is None:
            return name
        return f"{name}={spell(value)}"


@dataclass(frozen=True)
class Composed:
    """One point of a sweep as composed, before it is judged.

    ``values`` is a plain tree of its own; ``swept`` maps the swept keys to this point's values; ``members`` says which
    model each union holds, where that is known; ``origin`` says where the value at a key came from.
    """

    values: dict[str, Any]
    swept: Mapping[Key, Any]
    choices: Mapping[str, str | None]
    members: Mapping[Key, Model]
    overrides: tuple[str, ...]
    origin: Callable[[Key], str]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Judged:
    """One valid point: the config object that the function receives, and the plain values that config.yaml holds.

    ``secrets`` are the values that ``values`` does not show, and ``members`` the classes that unions without a
    discriminator hold, which ``values`` does not show either; both by dotted key.
    """

    config: Any
    values: dict[str, Any]
    secrets: Mapping[str, str]
    members: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunSpec:
    """One run to be made, named by its content in ``digest``. All keys are dotted."""

    digest: str
    judged: Judged
    point: Mapping[str, Any]
    choices: Mapping[str, str | None]
    members: Mapping[str, str]
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The runs that one command asks for, in order. ``duplicates`` and ``excluded`` count points that were left out."""

    runs: tuple[RunSpec, ...]
    duplicates: int = 0
    excluded: int = 0


def spell(value: Any) -> str:
    """Write a value in the grammar of overrides, numbers as they were typed."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, TypedInt | TypedFloat):
        return value.text
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(spell, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{spell(item)}" for key, item in value.items()) + "}"
    return _quoted(value) if isinstance(value, str) and not _is_word(value) else str(value)


def _is_word(text: str) -> bool:
    """Whether the grammar of overrides takes a text as it stands, and for a text."""
    return _WORD.fullmatch(text) is not None and text.lower() not in ("null", "true", "false", "inf", "nan")


def _quoted(text: str) -> str:
    return f"'{_escaped(text)}'"


def _escaped(text: str) -> str:
    # A backslash means itself, unless a quote follows.
    return re.sub(r"(\\+)\Z", r"\1\1", re.sub(r"(\\*)'", r"\1\1\'", text))


def redact(text: str, secrets: Mapping[str, str]) -> str:
    """Replace every secret in ``text``."""
    spelled = {*secrets.values(), *map(_escaped, secrets.values())}
    for secret in sorted(spelled, key=len, reverse=True):
        if len(secret) > 3:
            text = text.replace(secret, REDACTED)
        elif secret:
            # As a word only: a letter or two are in every text.
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", REDACTED, text)
    return text
