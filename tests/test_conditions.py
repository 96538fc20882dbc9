"""Conditions, against Python's own evaluation and against everything that is none."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
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
    "train/loss": 0.5,
    "o.my-key": "x",
    "time": datetime(2026, 11, 20, 12, tzinfo=UTC),
}


def holds(text: str) -> bool:
    return Condition.parse(text).holds(VALUES.get)


def read_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


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
        ("not a in list", False),
        ("not a in list | flag", True),
        ("b == 1 & flag | a == 1", True),
        ("flag | a == 2 & b == 1", True),
        ("~(a == 1 & b == 1)", True),
        ("0 < a < 2 <= b", True),
        ("0 < a < 1", False),
        ("1 in [1.0] and 2.5 in [b]", True),
        ("'x' in none", False),
        ("'x' not in none", True),
        ("a in none or flag", True),
        ("-a < 0 and +a > 0", True),
        ("-none < 1 or +none < 1", False),
        ("none in 'x'", False),
        ("none not in 'x'", True),
        ("none in [null, 1]", True),
        ("name == 'a & b' or name == 'adam'", True),
        ("`train/loss` < 1 and `a` == 1", True),
        ("o.`my-key` == 'x' & `o.my-key` == 'x'", True),
        ("name == '`a`'", False),
        ("`name` in ['`', \"`\", 'adam']", True),
        ("key_0 == null and `a` == 1", True),
    ],
)
def test_a_condition_binds_the_way_people_mean(text, expected):
    assert holds(text) is expected


def test_a_condition_has_parts_that_all_must_hold():
    parts = Condition.parse("a == 1 & (b == 1 | flag) & not c == `train/loss` and name in ['x']").parts

    assert [part.text for part in parts] == ["a == 1", "b == 1 or flag", "not c == `train/loss`", "name in ['x']"]
    assert [part.keys for part in parts] == [("a",), ("b", "flag"), ("c", "train/loss"), ("name",)]
    [whole] = Condition.parse("a == 1 | b == 1").parts
    assert whole.text == "a == 1 | b == 1"


@given(logic())
def test_a_condition_holds_when_all_its_parts_do(texts):
    condition = Condition.parse(texts[1])

    assert condition.holds(VALUES.get) == all(part.holds(VALUES.get) for part in condition.parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time >= '2026-11-20' and name == 'adam'", True),
        ("'2026-11-20T11:00' < time <= '2026-11-20T12:00'", True),
        ("'2026-11-21' < time", False),
        ("time == none or time < none or time != null", True),
    ],
)
def test_text_that_is_compared_with_a_time_is_a_time(text, expected):
    assert Condition.parse(text).with_times(["time"], read_time).holds(VALUES.get) is expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("time < 'soon'", "Invalid isoformat string: 'soon'"),
        ("time == '2026-11-20'", "a time is compared by <, <=, > and >="),
        ("time in ['2026-11-20']", "a time is compared by <, <=, > and >="),
        ("'2026' in time", "a time is compared by <, <=, > and >="),
    ],
)
def test_what_cannot_be_compared_with_a_time_is_refused(text, reason):
    with pytest.raises(ConditionError, match=reason):
        Condition.parse(text).with_times(["time"], read_time)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("o.lr < 'a'", r"o\.lr = 0\.1 \(a number\) cannot be compared with 'a' \(text\)"),
        ("0 < name", r"0 \(a number\) cannot be compared with name = 'adam' \(text\)"),
        ("0 < a < list", r"a = 1 \(a number\) cannot be compared with list = \[1, 2\] \(a list\)"),
        ("time < 1", r"time = 2026-11-20T12:00:00\+00:00 \(a time\) cannot be compared with 1 \(a number\)"),
        ("name * 2 == 'x'", r"name = 'adam' \(text\) and 2 \(a number\) are not both numbers"),
        ("-name < 1", r"name = 'adam' \(text\) is no number"),
    ],
)
def test_what_does_not_fit_is_named_with_its_value_and_type(text, reason):
    with pytest.raises(ConditionError, match=reason):
        holds(text)


def test_a_condition_tells_which_keys_it_speaks_of():
    assert Condition.parse("o.lr < 1 and (name == 'x' or o.lr == true)").keys == ("o.lr", "name")


@pytest.mark.parametrize(
    "text",
    [
        "f(a)", "__import__('os')", "'a'.upper()", "lambda: 1", "lambda==1", "o['lr']", "f'{a}'", "(x := 1)", "1 .real",
        "(1).real == 1", "a if flag else b", "[x for x in list]", "{1: 2}", "a ** 9", "a @ b", "a << 1", "a ^ b",
        "``", "`a", "x`a`", "`a``b`", "`a`()",
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
