"""Numbers that JSON lacks: they come back from wherever they lie in a tree."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from typedxp.store.streams import NUMBERS, spell, unspell

texts = st.text(max_size=5).filter(lambda text: text not in NUMBERS)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(trees)
def test_what_is_spelled_is_json_and_comes_back(tree: object) -> None:
    assert unspell(json.loads(json.dumps(spell(tree), allow_nan=False))) == tree


def test_a_nan_within_a_list_comes_back() -> None:
    found = unspell(spell({"betas": [0.9, math.nan]}))
    assert found["betas"][0] == 0.9
    assert math.isnan(found["betas"][1])
