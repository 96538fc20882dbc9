"""Plans: order, names by content, zipped axes, conditions, duplicates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.stages.plan import digest

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), TREES, max_size=4))
def test_the_order_of_keys_does_not_matter(values):
    assert digest("train", values) == digest("train", dict(reversed(list(values.items()))))


@given(st.dictionaries(st.text(), TREES, max_size=4))
def test_what_is_written_and_read_back_has_the_same_name(values):
    assert digest("train", json.loads(json.dumps(values))) == digest("train", values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (1, 1.0),
        (1, True),
        ("1", 1),
        (None, "null"),
        (0.1, 0.1 + 1e-17 + 2e-17),
        ([], {}),
        ("é", "e\u0301"),
    ],
)
def test_different_values_have_different_names_where_they_are_different(one, other):
    same = repr(one) == repr(other)

    assert (digest("train", {"x": one}) == digest("train", {"x": other})) is same


def test_experiments_with_the_same_config_have_different_names():
    assert digest("a", {}) != digest("b", {})


def test_names_are_the_same_for_ever():
    values = {"lr": 0.1, "nan": float("nan"), "inf": float("inf"), "tags": ["é", "\ud800"], "none": None}

    assert digest("train", values) == EVER


EVER = "a32d9da971c3f1a9"

SCRIPT = """
import enum, sys
from pydantic import BaseModel
import typedxp
from typedxp.runner.commands import command_line

class Config(BaseModel):
    tags: set[str] = {"a", "b", "c", "d"}
    more: frozenset[int] = frozenset({3, 1, 2})
    table: dict[str, set[str]] = {"x": {"q", "r", "s"}}
    lr: float = 0.1

@typedxp.experiment
def train(config: Config): ...

sys.exit(command_line(train, "train.py", ["-n", "lr=1e-3,0.1"]))
"""


def test_names_do_not_depend_on_the_hashing_of_a_process(tmp_path: Path):
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    printed = {
        subprocess.run(
            [sys.executable, "train.py"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(printed) == 1
