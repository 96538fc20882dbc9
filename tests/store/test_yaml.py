"""config.yaml says the same to every reader: YAML 1.1, YAML 1.2, OmegaConf, and our own."""

from __future__ import annotations

import math
import re
from importlib.util import find_spec
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from typedxp.store import yaml

TRICKY = [
    *["1e3", "1E3", "1.5e3", "1e+3", "-1e-3", "1_000", "0o7", "0x1F", "0b1", "007", "08", "1.", ".5", "+1", "-"],
    *["--1", "1e", "no", "No", "y", "n", "on", "OFF", "true", "True", "null", "NULL", "~", "", " ", " x", "x "],
    *["???", "nan", ".nan", ".NaN", "inf", "-inf", ".Inf", "-.INF", "+.inf", "Infinity", "12:30:45", "1:20"],
    *["190:20:30.15", "2024-01-01", "2024-01-01T12:30:45Z", "2024-1-1 1:2:3", "a: b", "a #b", "#a", "- a", "[a"],
    *["{a", "!a", "&a", "*a", "|", ">", "%a", "@a", "`a", "'", '"', "'a'", '"a"', "\\n", "a\nb", "\na", "a\n"],
    *["a\n\n", "a\n b", "\t", "a\tb", "\r", "a\rb", "\x00", "\x07", "\x1b", "\x7f", "\x85", "\xa0", "\u2028"],
    *["\ufeff", "\ufffe", "é", "目录", "😀", "=", "<<", "---", "...", "?", "? a", ": a", ":", "a:", "${a}", "a,b"],
    *["_", "_1", "1_", "0_7", "0.", "1__0", "+0x1F", "-0o7", "0X1F", "0O7", "1e3.5", "e3", ".e3", "1.e+3"],
    *["1,000"],
    *["x" * 500, "word " * 100, "9" * 400, "\N{ARABIC-INDIC DIGIT ONE}"],
]  # fmt: skip

text = st.sampled_from(TRICKY) | st.text(st.characters(exclude_categories=["Cs"]))
numberlike = st.text("0123456789eE.+-_:xob", max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text | numberlike
# Interpolations are OmegaConf's; its keys are text here, as the keys of configs are.
plain = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3))


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


@settings(max_examples=300, deadline=None)
@given(plain)
@example(TRICKY)
@example({key: {"value": key} for key in TRICKY})
@example([10**400, -(2**64), 1e300, 5e-324, -0.0, 1e16, 1e22, math.inf, -math.inf, math.nan])
@example({"deep": [[[[[]]]], {}, [{}], {"a": {"b": {"c": {}}}}]})
def test_what_is_written_is_read_by_yaml_1_1_and_by_ourselves(value):
    written = yaml.dump({"key": value})

    assert same(yaml.load(written), {"key": value})
    assert same(pyyaml.safe_load(written), {"key": value})


@settings(max_examples=300, deadline=None)
@given(plain)
@example(TRICKY)
@example([10**400, 1e300, 5e-324, -0.0, 1e16, 1e22, math.inf, -math.inf, math.nan])
def test_omegaconf_reads_the_same(value):
    written = yaml.dump({"key": value})

    read = OmegaConf.to_container(OmegaConf.create(written), resolve=False)
    assert same(read, {"key": value})


@pytest.mark.skipif(find_spec("ruamel") is None, reason="needs a reader of YAML 1.2: pip install ruamel.yaml")
@settings(max_examples=300, deadline=None)
@given(plain)
@example(TRICKY)
@example([10**400, 1e300, 5e-324, -0.0, 1e16, 1e22, math.inf, -math.inf, math.nan])
def test_yaml_1_2_reads_the_same(value):
    from ruamel.yaml import YAML

    reader = YAML(typ="safe", pure=True)
    reader.allow_duplicate_keys = True

    assert same(reader.load(yaml.dump({"key": value})), {"key": value})


@pytest.mark.parametrize("text", ["caf\udce9", "\ud800", "a: \udfff\n", "\ud83d\ude00"])
def test_lone_surrogates_survive(text):
    assert yaml.load(yaml.dump({text: [text]})) == {text: [text]}
    yaml.dump({text: text}).encode()


def test_values_that_are_shared_are_written_out():
    shared = [1, 2]

    assert yaml.dump({"a": shared, "b": shared}) == "a:\n- 1\n- 2\nb:\n- 1\n- 2\n"


def test_the_order_of_keys_is_kept_and_text_stays_readable():
    assert yaml.dump({"z": "plain text", "a": "é 目录"}) == "z: plain text\na: é 目录\n"


@pytest.mark.parametrize("text", ["a: [", "\tb", "a: b: c", "!!python/object:os.system {}"])
def test_what_is_no_yaml_or_no_plain_value_is_refused(text):
    with pytest.raises(ValueError, match=re.compile("while|could not|mapping", re.DOTALL)):
        yaml.load(text)
