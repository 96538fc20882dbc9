"""Plain trees: places, copies, and how values are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.stages.compose.grammar import typed
from typedxp.vocabulary.plan import redact, spell
from typedxp.vocabulary.tree import ABSENT, child, copy, get, leaves, put, shown, split, untyped

NAMES = st.text("abcxyz_", min_size=1, max_size=3)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=9
)


@pytest.mark.parametrize(
    ("key", "parts"),
    [("a", ("a",)), ("a.b", ("a", "b")), ("a[0].b", ("a", "0", "b")), ("a.0.b", ("a", "0", "b")), ("", ())],
)
def test_a_key_is_taken_apart_at_dots_and_brackets(key, parts):
    assert split(key) == parts


@given(st.dictionaries(NAMES, TREES, max_size=3))
def test_every_leaf_is_found_at_its_key_and_replaced_there(tree):
    for key, value in leaves(tree):
        assert get(tree, key) == value
        changed = copy(tree)
        put(changed, key, "new")
        assert get(changed, key) == "new"
        assert get(tree, key) == value


@given(TREES)
def test_a_copy_is_equal_and_shares_nothing_that_changes(tree):
    copied = copy(tree)

    assert copied == tree
    if isinstance(tree, dict | list):
        assert copied is not tree


def test_numbers_are_keys_too_where_a_mapping_has_them():
    assert child({1: "a"}, "1") == "a"
    assert child({"1": "a"}, "1") == "a"
    assert child(["a"], "1") is ABSENT
    assert child(["a"], "-1") is ABSENT
    assert child("text", "0") is ABSENT
    assert get({"a": [{"b": 1}]}, ("a", "0", "b")) == 1
    assert get({"a": None}, ("a", "b"), "nothing") == "nothing"


def test_what_was_typed_is_remembered_until_it_is_asked_to_be_forgotten():
    tree = {"a": [typed(1000.0, "1e3")], "b": typed(7, "007"), "c": True}

    assert shown(tree) == "{a: [1e3], b: 007, c: true}"
    plain = untyped(tree)
    assert plain == {"a": [1000.0], "b": 7, "c": True}
    assert type(plain["a"][0]) is float
    assert type(plain["b"]) is int


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), ("a b", "'a b'"), ([1, None], "[1, null]"), ("x" * 200, "'" + "x" * 76 + "...")],
)
def test_values_are_shown_as_they_would_be_typed(value, text):
    assert shown(value) == text


def test_values_are_spelled_in_the_grammar_of_overrides():
    assert spell({"a": [1, None, True, typed(0.001, "1e-3")]}) == "{a:[1,null,true,1e-3]}"


def test_secrets_are_taken_out_of_a_text():
    assert redact("the word is sesame, not sesam", {"a": "sesame", "b": ""}) == "the word is **********, not sesam"
    assert redact("h is for hidden", {"a": "h"}) == "********** is for hidden"
