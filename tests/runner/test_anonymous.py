"""What still tells who somebody is, in a bundle for a double-blind review."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.runner.bundle.anonymous import mentions
from typedxp.runner.bundle.archive import Part


def part(*chunks: bytes) -> Part:
    return Part("a.txt", sum(map(len, chunks)), lambda: chunks)


@pytest.mark.parametrize(
    ("chunks", "word"),
    [
        ([b"by alice, in 2026"], "alice"),
        ([b"by al", b"ice"], "alice"),
        ([b"b", b"o", b"b", b" "], "bob"),
        ([b"by alice", b"bert and bob"], "bob"),
        ([b"mal", b"ice", b""], None),
        ([b"m", b"alice"], None),
        ([b"", b"alice"], "alice"),
        ([b"bo", b"b"], "bob"),
        ([b"x" * 100, b" bob", b"by" * 100], None),
        ([b"\0\0 bob \0"], None),
        ([b"\0\0 alice\0"], "alice"),
        ([b"text", b"\0 alice"], "alice"),
        ([b"\xff alice \xff"], "alice"),
    ],
)
def test_a_word_is_found_wherever_it_stands_by_itself(chunks: Sequence[bytes], word: str | None) -> None:
    found = mentions([part(*chunks)], ["alice", "bob"])

    assert found == ([("a.txt", word)] if word else [])


def test_without_words_nothing_is_mentioned() -> None:
    assert mentions([part(b"anything at all"), part()], ["", "x"]) == []


@given(st.text("ab .", max_size=30), st.integers(1, 5))
def test_where_a_file_is_cut_makes_no_difference(text: str, size: int) -> None:
    data = text.encode()
    chunks = [data[start : start + size] for start in range(0, len(data), size)]

    found = bool(mentions([part(*chunks)], ["aab", "ba"]))

    assert found is (re.search(r"(?<![ab])(aab|ba)(?![ab])", text) is not None)
