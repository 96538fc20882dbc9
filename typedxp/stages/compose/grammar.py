"""Owns the reading of overrides: Hydra's grammar, with numbers that remember how they were typed."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from typedxp.errors import Problem
from typedxp.vocabulary.plan import Assignment, TypedFloat, TypedInt, Verb

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override, RangeSweep

MAX_VALUES = 1_000_000
"""The most values that one axis may have; more of them is a slip of the keyboard."""

_HOW = "Write key=value, group=option, +key=value, ++key=value or ~key; quote what has spaces, commas or brackets."
_CONDITION = "xp.where="
_WRONG = re.compile(r"(?:input|extraneous input|recognition error at:) '([^']*)'")
_QUOTED = re.compile(r"'(\\.|[^'\\])*'|\"(\\.|[^\"\\])*\"")
_INDEXED = re.compile(r"^[+~]*[\w.]+(\[\d+\][\w.]*)+(?==)")

Options = Callable[[str], Sequence[str]]
"""Tells which options a config group has, which is what ``glob()`` chooses from."""


def parse(texts: Iterable[str], options: Options) -> tuple[list[Assignment], list[Problem]]:
    """Read overrides; those that cannot be read are told as problems."""
    assignments: list[Assignment] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            assignments.append(_parse_one(text, options))
        except ValueError as error:
            problems.append(Problem("", text, "command line", str(error)))
    return assignments, problems


def _parse_one(text: str, options: Options) -> Assignment:
    if text.startswith(_CONDITION):
        # A condition has '=', '<' and commas of its own, which Hydra's grammar would want in quotes.
        condition = text.removeprefix(_CONDITION).strip()
        if condition[:1] not in ("'", '"') or not _QUOTED.fullmatch(condition):
            return Assignment("set", "xp.where", (condition or None,), text)
    return _parse_override(text, options)


def _parse_override(text: str, options: Options) -> Assignment:
    from hydra.core.override_parser.types import OverrideType
    from hydra.errors import HydraException

    verbs: dict[OverrideType, Verb] = {
        OverrideType.CHANGE: "set",
        OverrideType.ADD: "add",
        OverrideType.FORCE_ADD: "force",
        OverrideType.DEL: "delete",
    }
    try:
        # Hydra's grammar has no brackets in keys: an element of a list is `a.0`.
        override: Override = _parser().parse_override(
            _INDEXED.sub(lambda key: key[0].replace("[", ".").replace("]", ""), text)
        )
    except HydraException as error:
        raise ValueError(f"This is not an override: {_reason(text, str(error))}\n{_HOW}") from error
    if not override.key_or_group:
        raise ValueError(f"This is not an override: it has no key.\n{_HOW}")
    return Assignment(
        verb=verbs[override.type],
        key=override.key_or_group,
        values=tuple(_values(override, options)),
        text=text,
        package=override.package,
        sweep=override.is_sweep_override(),
    )


def _reason(text: str, message: str) -> str:
    """Say in a few words what Hydra's parser says in the words of its grammar."""
    key, equals, value = text.partition("=")
    if not equals:
        return "it has no '='."
    if value.endswith(","):
        return "there is nothing after the last comma; in most shells, it may be a space that follows it."
    if value.startswith(" ") or key.endswith(" "):
        return "there is a space around the '='."
    if match := _WRONG.search(message):
        return "it ends too early." if match[1] == "<EOF>" else f"it cannot be read from {match[1]!r} on."
    return message


def _values(override: Override, options: Options) -> list[Any]:
    if not override.is_sweep_override():
        return [override.value()]
    if not override.is_discrete_sweep():
        raise ValueError("An interval has no end of values: use range(start, stop, step) or list the values.")
    swept: Any = override._value  # noqa: SLF001 - Hydra has no other way to ask
    shuffled = getattr(swept, "shuffle", False)
    if shuffled:
        # The state of Python's own random numbers is the user's.
        swept.shuffle = False
    values = _swept(override, swept, options)
    if shuffled:
        random.Random().shuffle(values)  # noqa: S311 - nothing is kept secret by it
    if not values:
        raise ValueError("There is no value in this sweep.")
    if len(values) > MAX_VALUES:
        raise ValueError(f"There are more than {MAX_VALUES} values in this sweep.")
    return [_remember(value) for value in values]


def _swept(override: Override, swept: Any, options: Options) -> list[Any]:
    from hydra.core.override_parser.types import Glob, RangeSweep

    if isinstance(swept, Glob):
        return list(swept.filter(list(options(override.key_or_group))))
    if isinstance(swept, RangeSweep) and not _is_whole(swept):
        return list(_decimals(swept))
    convert = override._convert_value  # noqa: SLF001 - Hydra's other one makes text of numbers
    return list(islice(override.sweep_iterator(convert), MAX_VALUES + 1))


def _is_whole(swept: RangeSweep) -> bool:
    return all(isinstance(number, int) for number in (swept.start, swept.stop, swept.step))


def _decimals(swept: RangeSweep) -> list[float]:
    """Count in decimals, as people do: ``range(0,1,0.1)`` has 0.7 in it, and not 0.7000000000000001."""
    start, stop, step = (
        Decimal(getattr(number, "text", repr(number))) for number in (swept.start, swept.stop, swept.step)
    )
    if not step:
        raise ValueError("The step of a range cannot be 0.")
    count = max(0, math.ceil((stop - start) / step))
    return [float(start + index * step) for index in range(min(count, MAX_VALUES + 1))]


def _remember(value: Any) -> Any:
    """Give the numbers of a range a text, as if they had been typed one by one."""
    if type(value) is int:
        return _typed(TypedInt, value, str(value))
    if type(value) is float:
        return _typed(TypedFloat, value, repr(value))
    return value


def typed(value: Any, text: str) -> Any:
    """Return ``value`` such that it remembers ``text``, if it is a number."""
    if type(value) is int:
        return _typed(TypedInt, value, text)
    if type(value) is float:
        return _typed(TypedFloat, value, text)
    return value


def _typed(kind: type[TypedInt | TypedFloat], value: Any, text: str) -> TypedInt | TypedFloat:
    number = kind(value)
    number.text = text
    return number


@cache
def _parser() -> Any:
    from antlr4.CommonTokenStream import CommonTokenStream
    from antlr4.InputStream import InputStream
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.overrides_visitor import HydraErrorListener, HydraOverrideVisitor
    from hydra.core.override_parser.types import Override
    from hydra.grammar.gen.OverrideLexer import OverrideLexer
    from hydra.grammar.gen.OverrideParser import OverrideParser

    class Visitor(HydraOverrideVisitor):
        def visitPrimitive(self, ctx: Any) -> Any:  # noqa: N802 - antlr's name
            return typed(super().visitPrimitive(ctx), ctx.getText().strip())

    class Parser(OverridesParser):
        """Hydra's parser with our visitor, which Hydra leaves no other way to put in."""

        def parse_rule(self, s: str, rule_name: str) -> Any:
            listener = HydraErrorListener()
            lexer = OverrideLexer(InputStream(s))
            lexer.removeErrorListeners()
            lexer.addErrorListener(listener)
            parser = OverrideParser(CommonTokenStream(lexer))
            parser.removeErrorListeners()
            parser.addErrorListener(listener)
            result: Any = Visitor(self.functions).visit(getattr(parser, rule_name)())  # type: ignore[func-returns-value]  # antlr4's stub
            if isinstance(result, Override):
                result.input_line = s
                result.validate()
            return result

    return Parser.create()
