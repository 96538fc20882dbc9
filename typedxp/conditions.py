"""Owns conditions: what users write to choose points and runs, as in ``seed < 3 and optimizer.lr in [0.1, 0.01]``.

A condition is parsed to Python's syntax tree and then interpreted by this module, which knows comparisons, arithmetic
and logic over keys and constants, and nothing else: no calls, no attributes of objects, no evaluation of text as code.
"""

from __future__ import annotations

import ast
import io
import operator
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from typedxp.errors import TypedxpError

Lookup = Callable[[str], Any]
"""Gives the value at a dotted key; None where there is nothing."""

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
            tree = ast.parse(_with_words(text), mode="eval").body
        except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError) as error:
            raise ConditionError(f"{text!r} cannot be read as a condition: {getattr(error, 'msg', error)}.") from error
        _check(tree, text)
        condition = cls(text, tree)
        try:
            _ = condition.keys
        except RecursionError as error:
            raise ConditionError(f"{text!r} cannot be read as a condition: it is nested too deeply.") from error
        return condition

    @property
    def keys(self) -> tuple[str, ...]:
        """The dotted keys that the condition speaks of."""
        return tuple(dict.fromkeys(_keys(self.tree)))

    def holds(self, lookup: Lookup) -> bool:
        """Say whether the condition holds. An order with what is not there does not hold.

        Raises:
            ConditionError: values are compared that have no order, or calculated with that are no numbers.
        """
        try:
            return bool(_value(self.tree, lookup))
        except (TypeError, ArithmeticError, RecursionError) as error:
            raise ConditionError(f"{self.text!r} does not fit the values: {error}.") from error


def _with_words(text: str) -> str:
    """Write operators as words, which bind the way people mean: ``a == 1 & b == 2`` is about two comparisons."""
    tokens = tokenize.generate_tokens(io.StringIO(text.strip()).readline)
    return tokenize.untokenize(
        (tokenize.NAME, _WORDS[token.string]) if token.string in _WORDS else (token.type, token.string)
        for token in tokens
    )


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
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.UAdd,
    ast.BinOp,
    ast.Compare,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.Set,
    ast.Name,
    ast.Attribute,
    ast.Load,
)


def _dotted(node: ast.expr, text: str = "") -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, text)}.{node.attr}"
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
            return (
                not operand if isinstance(node.op, ast.Not) else -operand if isinstance(node.op, ast.USub) else +operand
            )
        case ast.BinOp():
            return _calculate(node, lookup)
        case ast.Compare():
            return _compare(node, lookup)
    raise AssertionError(f"{type(node).__name__} was let through")


def _calculate(node: ast.BinOp, lookup: Lookup) -> Any:
    left, right = _value(node.left, lookup), _value(node.right, lookup)
    if left is None or right is None:
        return None
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise TypeError(f"{left!r} and {right!r} are not both numbers")
    return _ARITHMETIC[type(node.op)](left, right)


def _compare(node: ast.Compare, lookup: Lookup) -> bool:
    left = _value(node.left, lookup)
    for operation, comparator in zip(node.ops, node.comparators, strict=True):
        right = _value(comparator, lookup)
        if isinstance(operation, _ORDER) and (left is None or right is None):
            return False
        if not _COMPARE[type(operation)](left, right):
            return False
        left = right
    return True
