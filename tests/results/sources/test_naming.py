"""What streams of other tools are called."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.results.sources.naming import name_streams, stream_name


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["metrics.jsonl"], ["metrics"]),
        (["logs/train.csv", "logs/test.csv"], ["train", "test"]),
        (["logs/train.csv", "train.csv"], ["logs.train", "train"]),
        (["a/version_0/metrics.csv", "a/version_1/metrics.csv"], ["a.version_0.metrics", "a.version_1.metrics"]),
        (["metrics.csv", "metrics.jsonl"], ["metrics", "metrics_"]),
        (["my run/é.csv"], ["stream"]),
    ],
)
def test_a_stream_has_the_shortest_clear_name(files, names):
    assert name_streams(files) == dict(zip(files, names, strict=True))


@given(st.lists(st.from_regex(r"([a-c_é][a-c_. é]?/)?[a-c_é][a-c_. é]?\.(csv|json)", fullmatch=True)))
def test_names_are_different_and_safe(files):
    names = name_streams(files).values()

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name) for name in names)


def test_a_name_begins_with_a_letter_or_a_digit():
    assert stream_name("-_.x y") == "x_y"
