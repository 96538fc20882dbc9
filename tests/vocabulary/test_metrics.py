import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.vocabulary.metrics import merge_sizes, sizes


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (0.5, ()),
        ("text", ()),
        (None, ()),
        ([], (0,)),
        ([1, 2, 3], (3,)),
        ((1, [2]), None),
        ([[1, 2], [3, 4], [5, 6]], (3, 2)),
        ([[], []], (2, 0)),
        ([[1], [2, 3]], None),
        ([[[1], 2], [[3], 4]], None),
        ([1, [2]], None),
    ],
)
def test_a_nested_list_has_the_sizes_of_the_array_it_is(value, found):
    assert sizes(value) == found


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_the_sizes_are_those_that_numpy_knows(shape):
    value = np.zeros(shape).tolist()

    assert sizes(value) == np.array(value).shape


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
def test_merged_sizes_hold_both(first, second):
    merged = merge_sizes(first, second)

    assert len(merged) == max(len(first), len(second))
    for part in (first, second):
        assert all(size <= whole for size, whole in zip(part, merged, strict=False))
