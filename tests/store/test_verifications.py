"""verification.json says how a run compares with its repetition, and follows its schema."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tests.results.conftest import StoreBuilder
from typedxp.errors import StoreError
from typedxp.store import verifications
from typedxp.vocabulary.verification import Difference, Outcome, Part, Verification, worst

SCHEMA = Path(__file__).parents[2] / "schemas" / "verification.schema.json"

VERIFICATION = Verification(
    outcome=Outcome.DIFFERENT,
    verified="2026-11-21T03:13:14.264+00:00",
    rtol=1e-6,
    atol=0.0,
    ignored=("*.seconds",),
    code="4f2a",
    environment=("host: a -> b",),
    seconds=1.5,
    parts=(
        Part("stream", "train", Outcome.IDENTICAL),
        Part("stream", "test", Outcome.DIFFERENT, Difference(3, "loss", 0.1, math.inf), 0.2, 0.3),
        Part("artifact", "x.npy", Outcome.DIFFERENT, Difference(None, "[0]", "a", None), 0.0, 0.0),
    ),
)


@pytest.fixture
def run(tmp_path):
    return StoreBuilder(tmp_path / "logs").add({})


def test_what_is_written_is_read_again_and_follows_the_schema(run):
    assert verifications.read(run) is None

    verifications.write(run, VERIFICATION)

    assert verifications.read(run) == VERIFICATION
    document = json.loads((run.path / "verification.json").read_text())
    Draft202012Validator(json.loads(SCHEMA.read_text()), format_checker=FormatChecker()).validate(document)
    assert next(iter(document)) == "format"
    assert document["parts"][1]["difference"]["recorded"] == 0.1
    assert document["parts"][1]["difference"]["repeated"] == "Infinity"
    assert verifications.plain(VERIFICATION)["parts"][1]["difference"]["repeated"] == "Infinity"


def test_a_difference_from_zero_has_no_relative_size(run):
    part = Part("stream", "train", Outcome.DIFFERENT, Difference(1, "loss", 0.0, 1.0), 1.0, math.inf)

    verifications.write(run, Verification(Outcome.DIFFERENT, "2026-11-21T03:13:14Z", 0.0, 0.0, parts=(part,)))

    assert verifications.read(run).parts[0].relative is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("{}", "has no format"),
        ('{"format": 99}', "a later version wrote it"),
        ('{"format": 1}', "is damaged"),
        ('{"format": 1, "outcome": "splendid"}', "is damaged"),
        ('{"format": 1, "outcome": "equal", "parts": [1]}', "is damaged"),
    ],
)
def test_a_damaged_one_is_refused(run, text, message):
    (run.path / "verification.json").write_text(text)

    with pytest.raises(StoreError, match=message):
        verifications.read(run)


def test_one_that_cannot_be_written_is_told(run):
    (run.path / "verification.json").mkdir()

    with pytest.raises(StoreError, match="cannot be written"):
        verifications.write(run, VERIFICATION)


def test_the_worst_of_the_outcomes_counts():
    assert worst([]) is Outcome.IDENTICAL
    assert worst([Outcome.EQUAL, Outcome.IDENTICAL]) is Outcome.EQUAL
    assert worst([Outcome.EQUAL, Outcome.DIFFERENT, Outcome.IDENTICAL]) is Outcome.DIFFERENT
