"""Owns conditions: what users write to choose points and runs, as in ``seed < 3 and optimizer.lr in [0.1, 0.01]``.

A condition is parsed to Python's syntax tree and then interpreted by this module, which knows comparisons, arithmetic
and logic over keys and constants, and nothing else: no calls, no attributes of objects, no evaluation of text as code.
A key that is no Python name stands in backticks: `` `train/loss` < 1``.
"""

from __future__ import annotations

import ast
import io
import operator
import re
import tokenize
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from typedxp.errors import TypedxpError

Lookup = Callable[[str], Any]
"""Gives the value at a dotted key; None where there is nothing."""
ReadTime = Callable[[str], datetime]
"""Reads a time that somebody wrote; raises a ValueError if it is none."""

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_CONSTANTS = {"true": True, "false": False, "null": None}
_WORDS = {"&": "and", "|": "or", "~": "not"}
_ASSIGNED = re.compile(r"[^=<>!:]=[^=]")
# Text in quotes, or a key in backticks: what comes first counts.
_QUOTED = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|`([^`\n]+)`""")


class ConditionError(TypedxpError):
    """A condition that cannot be read, or that does not fit the values."""


@dataclass(frozen=True)
class Condition:
    """A condition over keys. ``&``, ``|`` and ``~`` mean ``and``, ``or`` and ``not``."""

    text: str
    tree: ast.expr

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition.

        Raises:
            ConditionError: it is not a condition, or uses what conditions do not have.
        """
        try:
            plain, keys = _without_backticks(text)
            tree = _with_keys(ast.parse(_with_words(plain), mode="eval").body, keys)
        except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError) as error:
            hint = " Write == for equality." if _ASSIGNED.search(text) else ""
            what = getattr(error, "msg", error)
            raise ConditionError(f"{text!r} cannot be read as a condition: {what}.{hint}") from error
        _check(tree, text)
        condition = cls(text, tree)
        with _nested_little(text):
            _ = condition.keys
        return condition

    @property
    def keys(self) -> tuple[str, ...]:
        """The dotted keys that the condition speaks of."""
        return tuple(dict.fromkeys(_keys(self.tree)))

    @property
    def parts(self) -> tuple[Condition, ...]:
        """The conditions that all have to hold: those that are joined by ``and``, or the whole one.

        Raises:
            ConditionError: it is nested too deeply.
        """
        if not isinstance(self.tree, ast.BoolOp) or not isinstance(self.tree.op, ast.And):
            return (self,)
        with _nested_little(self.text):
            return tuple(Condition(ast.unparse(part), part) for part in self.tree.values)

    def with_times(self, keys: Collection[str], read: ReadTime) -> Condition:
        """Return the same with all text read as times that is compared with one of these keys.

        Raises:
            ConditionError: a text is no time, or is not compared by an order.
        """
        with _nested_little(self.text):
            return Condition(self.text, _Timed(self.text, keys, read).visit(self.tree))

    def holds(self, lookup: Lookup) -> bool:
        """Say whether the condition holds. An order with what is not there does not hold.

        Raises:
            ConditionError: values are compared that have no order, or calculated with that are no numbers.
        """
        try:
            return bool(_value(self.tree, lookup))
        except (TypeError, ArithmeticError, RecursionError) as error:
            raise ConditionError(f"{self.text!r} does not fit the values: {error}.") from error


@contextmanager
def _nested_little(text: str) -> Iterator[None]:
    """Refuse a condition that is nested so deeply that Python cannot walk through it."""
    try:
        yield
    except RecursionError as error:
        raise ConditionError(f"{text!r} cannot be read as a condition: it is nested too deeply.") from error


def _with_words(text: str) -> str:
    """Write operators as words, which bind the way people mean: ``a == 1 & b == 2`` is about two comparisons."""
    tokens = tokenize.generate_tokens(io.StringIO(text.strip()).readline)
    return tokenize.untokenize(
        (tokenize.NAME, _WORDS[token.string]) if token.string in _WORDS else (token.type, token.string)
        for token in tokens
    )


def _without_backticks(text: str) -> tuple[str, dict[str, str]]:
    """Put a name for each key in backticks; return the names with the keys."""
    prefix = "key_"
    while prefix in text:
        prefix += "_"
    keys: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        if match[2] is None:
            return match[1]
        keys[found := f"{prefix}{len(keys)}"] = match[0]
        return f" {found} "  # not one word with what is beside it

    return _QUOTED.sub(name, text), keys


def _with_keys(tree: ast.expr, keys: dict[str, str]) -> ast.expr:
    """Put keys, in their backticks, back where names stand for them."""
    for part in ast.walk(tree) if keys else ():
        if isinstance(part, ast.Name):
            part.id = keys.get(part.id, part.id)
        elif isinstance(part, ast.Attribute):
            part.attr = keys.get(part.attr, part.attr)
    return tree


class _Timed(ast.NodeTransformer):
    """Reads the times of a condition."""

    def __init__(self, text: str, keys: Collection[str], read: ReadTime) -> None:
        self._text = text
        self._keys = keys
        self._read = read

    def visit_Compare(self, node: ast.Compare) -> ast.Compare:
        operands = [node.left, *node.comparators]
        if not any(_key(operand) in self._keys for operand in operands):
            return node
        for operation, sides in zip(node.ops, pairwise(operands), strict=True):
            if not isinstance(operation, _ORDER) and any(_is_text(part) for side in sides for part in ast.walk(side)):
                raise ConditionError(
                    f"{self._text!r}: a time is compared by <, <=, > and >=, as in "
                    "start >= '2026-11-01' and start < '2026-11-02'."
                )
        first, *rest = map(self._timed, operands)
        return ast.Compare(first, node.ops, rest)

    def _timed(self, node: ast.expr) -> ast.expr:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            return node
        try:
            moment: Any = self._read(node.value)
        except ValueError as error:
            raise ConditionError(f"{self._text!r}: {error}") from error
        return ast.Constant(moment)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _key(node: ast.expr) -> str | None:
    return _dotted(node) if isinstance(node, ast.Name | ast.Attribute) else None


def _check(node: ast.expr, text: str) -> None:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and not isinstance(part.value, int | float | str | bool | None):
            raise ConditionError(f"{text!r}: {part.value!r} is no number, text, true, false or null.")
        known = isinstance(part, _KNOWN) or type(part) in _COMPARE or type(part) in _ARITHMETIC
        if not known:
            raise ConditionError(
                f"{text!r}: a condition has no {type(part).__name__.lower()}. "
                "It has keys, numbers, text, lists, + - * / // %, comparisons, in, and, or, not and parentheses."
            )
        if isinstance(part, ast.Attribute):
            _dotted(part, text)


_KNOWN = (
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.BinOp, ast.Compare, ast.Constant),
    *(ast.List, ast.Tuple, ast.Set, ast.Name, ast.Attribute, ast.Load),
)


def _dotted(node: ast.expr, text: str = "") -> str:
    if isinstance(node, ast.Name):
        return node.id.strip("`")
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, text)}.{node.attr.strip('`')}"
    raise ConditionError(f"{text!r}: dots are for keys only.")


def _keys(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name | ast.Attribute):
        dotted = _dotted(node)
        if dotted not in _CONSTANTS:
            yield dotted
    else:
        for child in ast.iter_child_nodes(node):
            yield from _keys(child)


def _value(node: ast.expr, lookup: Lookup) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name() | ast.Attribute():
            dotted = _dotted(node)
            return _CONSTANTS[dotted] if dotted in _CONSTANTS else lookup(dotted)
        case ast.List() | ast.Tuple() | ast.Set():
            return [_value(item, lookup) for item in node.elts]
        case ast.BoolOp():
            decide = all if isinstance(node.op, ast.And) else any
            return decide(_value(part, lookup) for part in node.values)
        case ast.UnaryOp():
            operand = _value(node.operand, lookup)
            return not operand if isinstance(node.op, ast.Not) else _signed(node, operand)
        case ast.BinOp():
            return _calculate(node, lookup)
        case ast.Compare():
            return _compare(node, lookup)
    raise AssertionError(f"{type(node).__name__} was let through")


def _signed(node: ast.UnaryOp, operand: Any) -> Any:
    if operand is None:
        return None
    if not isinstance(operand, int | float):
        raise TypeError(f"{_told(node.operand, operand)} is no number")
    return -operand if isinstance(node.op, ast.USub) else operand


def _calculate(node: ast.BinOp, lookup: Lookup) -> Any:
    left, right = _value(node.left, lookup), _value(node.right, lookup)
    if left is None or right is None:
        return None
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise TypeError(f"{_told(node.left, left)} and {_told(node.right, right)} are not both numbers")
    return _ARITHMETIC[type(node.op)](left, right)


def _compare(node: ast.Compare, lookup: Lookup) -> bool:
    before, left = node.left, _value(node.left, lookup)
    for operation, comparator in zip(node.ops, node.comparators, strict=True):
        right = _value(comparator, lookup)
        try:
            if not _holds(operation, left, right):
                return False
        except TypeError as error:
            pair = f"{_told(before, left)} cannot be compared with {_told(comparator, right)}"
            raise TypeError(pair) from error
        before, left = comparator, right
    return True


def _holds(operation: ast.cmpop, left: Any, right: Any) -> bool:
    if isinstance(operation, _ORDER) and (left is None or right is None):
        return False
    if isinstance(operation, ast.In | ast.NotIn) and (right is None or (left is None and isinstance(right, str))):
        # Nothing is in what is not there, and what is not there is in no text.
        return isinstance(operation, ast.NotIn)
    return bool(_COMPARE[type(operation)](left, right))


def _told(node: ast.expr, value: Any) -> str:
    """Tell a value, and what it is the value of."""
    kind = next(name for kinds, name in _KINDS.items() if isinstance(value, kinds))
    text = value.isoformat() if isinstance(value, datetime) else repr(value)
    return f"{f'{key} = ' if (key := _key(node)) else ''}{text} ({kind})"


_KINDS: dict[Any, str] = {
    bool: "a truth value",
    int | float: "a number",
    str: "text",
    list | tuple: "a list",
    datetime: "a time",
    object: "neither number nor text",
}
