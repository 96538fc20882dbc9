"""Conditions, against Python's own evaluation and against everything that is none."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.conditions import Condition, ConditionError

VALUES: dict[str, Any] = {
    "a": 1,
    "b": 2.5,
    "c": -3,
    "flag": True,
    "name": "adam",
    "none": None,
    "o.lr": 0.1,
    "list": [1, 2],
}


def holds(text: str) -> bool:
    return Condition.parse(text).holds(VALUES.get)


NUMBERS = st.one_of(
    st.sampled_from(["a", "b", "c"]), st.integers(-5, 5).map(str), st.floats(-5, 5, allow_nan=False).map(repr)
)
SUMS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map("({0[0]} {0[1]} {0[2]})".format),
        inner.map("(-{})".format),
    ),
    max_leaves=4,
)
COMPARISONS = st.one_of(
    st.tuples(SUMS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), SUMS).map(" ".join),
    st.tuples(SUMS, SUMS, SUMS).map("{0[0]} < {0[1]} <= {0[2]}".format),
    st.tuples(SUMS, st.lists(NUMBERS, max_size=3).map(", ".join)).map("{0[0]} in [{0[1]}]".format),
    st.tuples(SUMS, st.lists(NUMBERS, max_size=3).map(", ".join)).map("{0[0]} not in [{0[1]}]".format),
)


@st.composite
def logic(draw: st.DrawFn, depth: int = 3) -> tuple[str, str]:
    """Return one expression twice: with Python's words, and with ours mixed in."""
    kind = draw(st.sampled_from(["compare", "not", "and", "or", "paren"])) if depth else "compare"
    if kind == "compare":
        text = draw(COMPARISONS)
        return text, text
    if kind in ("not", "paren"):
        python, ours = draw(logic(depth=depth - 1))
        sign = draw(st.sampled_from(["not ", "~"])) if kind == "not" else ""
        return ("not " if kind == "not" else "") + f"({python})", f"{sign}({ours})"
    (left, our_left), (right, our_right) = draw(logic(depth=depth - 1)), draw(logic(depth=depth - 1))
    sign = draw(st.sampled_from([kind, {"and": "&", "or": "|"}[kind]]))
    # No parentheses: precedence is what is tested, too.
    return f"{left} {kind} {right}", f"{our_left} {sign} {our_right}"


@given(logic())
def test_a_condition_holds_when_python_says_so(texts):
    python, ours = texts

    assert holds(ours) == bool(eval(python, {}, dict(VALUES)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a == 1 & b == 2.5", True),
        ("a == 1 | b == 1 & name == 'x'", True),
        ("(a == 1 | b == 1) & name == 'x'", False),
        ("~flag", False),
        ("~a == 2", True),
        ("not a == 2 and flag", True),
        ("o.lr < 0.2", True),
        ("name in ['adam', 'sgd']", True),
        ("'ad' in name", True),
        ("a in list", True),
        ("list == [1, 2]", True),
        ("flag == true and none == null", True),
        ("flag == True and none == None", True),
        ("a == 1  # a note", True),
        ("(a == 1\n and b == 2.5)", True),
        ("none < 1", False),
        ("none > 1", False),
        ("none != 1", True),
        ("a + none == 1", False),
        ("a % 2 == 1 and 7 // 2 == 3", True),
    ],
)
def test_a_condition_binds_the_way_people_mean(text, expected):
    assert holds(text) is expected


def test_a_condition_tells_which_keys_it_speaks_of():
    assert Condition.parse("o.lr < 1 and (name == 'x' or o.lr == true)").keys == ("o.lr", "name")


@pytest.mark.parametrize(
    "text",
    [
        "f(a)", "__import__('os')", "'a'.upper()", "lambda: 1", "lambda==1", "o['lr']", "f'{a}'", "(x := 1)", "1 .real",
        "(1).real == 1", "a if flag else b", "[x for x in list]", "{1: 2}", "a ** 9", "a @ b", "a << 1", "a ^ b",
        "a is None", "b'x' == 1", "1j == 1", "...", "await a", "*a", "a = 1", "a ==", "", "  ", "a\nb", "a; b", "a\x00",
        "'", "(", "9" * 5000 + " > 1", "(" * 500 + "a" + ")" * 500, "not " * 5000 + "a",
        "a" + "+1" * 20_000, "a" + ".b" * 20_000, "[" * 300 + "]" * 300,
    ],
)  # fmt: skip
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(ConditionError):
        holds(text)


@pytest.mark.parametrize(
    "text", ["a < name", "a / 0 == 1", "a % 0 == 1", "name * 2 == 'x'", "'x' * 1000000 == 1", "a in name"]
)
def test_values_that_do_not_fit_are_refused_with_the_reason(text):
    with pytest.raises(ConditionError, match="does not fit the values"):
        holds(text)


@pytest.mark.parametrize("sign", ["not ", "~", "-"])
@pytest.mark.parametrize("depth", range(100, 1100, 100))
def test_nesting_works_or_is_refused(sign, depth):
    try:
        assert holds(sign * depth + "a") is (sign == "-" or depth % 2 == 0)
    except ConditionError as error:
        told = str(error)
    else:
        told = "nested"
    assert "nested" in told or "recursion" in told


@given(st.text(max_size=30))
def test_no_text_does_any_harm(text):
    with suppress(ConditionError):
        assert holds(text) in (True, False)
