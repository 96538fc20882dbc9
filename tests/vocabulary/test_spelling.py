"""What is written as an override is read back as the same value."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from typedxp.stages.compose.grammar import parse
from typedxp.vocabulary.plan import Assignment, redact, spell

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text(
    "ab,'\\\" {}[]():=~+-$#@/.1e3\n\t", max_size=8
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=4)
    | st.dictionaries(st.from_regex("[a-z]{1,5}x", fullmatch=True), SCALARS, max_size=3)
)


def read_back(value):
    text = Assignment("set", "key", (value,), "").override(value)
    [item], problems = parse([text], lambda _: ())
    assert problems == []
    assert not item.sweep
    return item.values[0]


@given(VALUES)
@example("\\\n")
def test_every_value_is_read_back_as_it_was(value):
    again = read_back(value)

    assert again == value
    assert isinstance(again, type(value))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            " a",
            "a ",
            "a,b",
            "a b",
            "{a}",
            "[a]",
            "a:b",
            "a=b",
            "null",
            "True",
            "1",
            "1e3",
            ".5",
            "inf",
            "NaN",
        ),
        *("it's", "a\\", "\\'", "a\\\\'b", '"', "choice(a)", "1_000", "-1", "~", "#", "a\nb", "x${", "2024-01-01"),
    ],
)
def test_text_that_looks_like_something_else_is_read_back_as_text(text):
    assert read_back(text) == text
    assert read_back([text, text]) == [text, text]


@pytest.mark.parametrize("text", ["adam", "data/train.csv", "../x", "./x", "/tmp/a_b-c.d", "a1"])
def test_ordinary_words_have_no_quotes(text):
    assert spell(text) == text


def test_a_secret_with_quotes_is_hidden_however_it_is_written():
    assert "me" not in redact(f"token={spell(chr(39) + 'its me')} 'its me", {"token": "'its me"})
