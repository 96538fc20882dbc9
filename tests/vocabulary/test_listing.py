"""Numbers named in a text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from typedxp.vocabulary.listing import spans


@given(st.sets(st.integers(0, 100)))
def test_spans_are_few_words_for_the_same_numbers(numbers) -> None:
    ends = [[int(end) for end in span.split("-")] for span in spans(numbers)]

    assert {number for span in ends for number in range(span[0], span[-1] + 1)} == numbers
    assert len(ends) == sum(number - 1 not in numbers for number in numbers)
