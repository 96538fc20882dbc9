"""What two runs recorded compares as identical, equal or different, with the first place where it differs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from typedxp.artifacts.directory import Artifacts
from typedxp.results.sameness.arrays import compare_loaded
from typedxp.results.sameness.found import Found, Tolerance
from typedxp.results.sameness.plain import compare_plain
from typedxp.results.sameness.runs import compare_recorded
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.verification import MISSING, Difference, Outcome


@pytest.fixture
def runs(tmp_path):
    made = RunDirectory(tmp_path / "1"), RunDirectory(tmp_path / "2")
    for run in made:
        run.path.mkdir()
    return made


def log(run, records, stream="train"):
    run.metrics.mkdir(parents=True, exist_ok=True)
    run.stream(stream).write_text("".join(json.dumps(record) + "\n" for record in records))


def save(run, value, name, **options):
    Artifacts(run.path / "artifacts").save(value, name, **options)


def compare(runs, rtol=0.0, atol=0.0, ignore=()):
    return {part.name: part for part in compare_recorded(*runs, Tolerance(rtol, atol), ignore)}


def compare_streams(runs, first, second, **options):
    log(runs[0], first)
    log(runs[1], second)
    return compare(runs, **options)["train"]


def test_streams_are_identical_whenever_they_were_logged(runs):
    part = compare_streams(
        runs,
        [{"loss": 0.1, "nan": "NaN", "list": [1, 2], "_time": 1.0}],
        [{"loss": 0.1, "nan": "NaN", "list": [1, 2], "_time": 2.0}],
    )

    assert part.outcome is Outcome.IDENTICAL
    assert part.difference is None
    assert part.absolute is None


def test_the_first_record_that_differs_is_told_with_both_values(runs):
    first = [{"loss": 0.5 - number / 100, "accuracy": 1.0} for number in range(10)]
    second = [record | ({"loss": 9.0} if number in (4, 7) else {}) for number, record in enumerate(first)]

    part = compare_streams(runs, first, second)

    assert part.outcome is Outcome.DIFFERENT
    assert part.difference == Difference(5, "loss", 0.46, 9.0)
    assert part.absolute == pytest.approx(9 - 0.43)
    assert part.relative == pytest.approx(8.57 / 0.43)


@pytest.mark.parametrize(
    ("first", "second", "rtol", "atol", "outcome"),
    [
        (1.0, 1.001, 0.0, 0.0, Outcome.DIFFERENT),
        (1.0, 1.001, 0.01, 0.0, Outcome.EQUAL),
        (1.0, 1.001, 0.0, 0.01, Outcome.EQUAL),
        (100, 101, 0.0, 0.5, Outcome.DIFFERENT),
        (1, 1.0, 0.0, 0.0, Outcome.EQUAL),
        (0.0, -0.0, 0.0, 0.0, Outcome.EQUAL),
        ("NaN", "NaN", 0.0, 0.0, Outcome.IDENTICAL),
        ("NaN", 1.0, 1.0, 1.0, Outcome.DIFFERENT),
        ("Infinity", 1.0, 1.0, 1.0, Outcome.DIFFERENT),
        ("Infinity", "-Infinity", 1.0, 1.0, Outcome.DIFFERENT),
        (True, 1, 1.0, 1.0, Outcome.DIFFERENT),
        (True, False, 1.0, 1.0, Outcome.DIFFERENT),
        ("a", "b", 1.0, 1.0, Outcome.DIFFERENT),
        (None, 0.0, 1.0, 1.0, Outcome.DIFFERENT),
        ([[1.0, 2.0]], [[1.0, 2.1]], 0.1, 0.0, Outcome.EQUAL),
    ],
)
def test_numbers_are_equal_within_a_tolerance_and_all_else_exactly(runs, first, second, rtol, atol, outcome):
    part = compare_streams(runs, [{"x": first}], [{"x": second}], rtol=rtol, atol=atol)

    assert part.outcome is outcome
    assert (part.difference is not None) == (outcome is Outcome.DIFFERENT)


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        ([{"x": 1}, {"x": 2}, {"x": 3}], [{"x": 1}], Difference(2, "", "3 records", "1 record")),
        ([], [{"x": 1}], Difference(1, "", "0 records", "1 record")),
        ([{"x": 1, "y": 2}], [{"x": 1}], Difference(1, "y", 2, MISSING)),
        ([{"x": [1, 2]}], [{"x": [1]}], Difference(1, "x", "2 items", "1 items")),
        ([{"x": [[0, 1], [2, 3]]}], [{"x": [[0, 1], [2, 4]]}], Difference(1, "x[1][1]", 3, 4)),
    ],
)
def test_what_is_longer_or_missing_on_one_side_is_told(runs, first, second, difference):
    assert compare_streams(runs, first, second).difference == difference


def test_keys_in_another_order_are_equal(runs):
    assert compare_streams(runs, [{"x": 1, "y": 2}], [{"y": 2, "x": 1}]).outcome is Outcome.EQUAL


def test_a_torn_last_record_is_no_record(runs):
    log(runs[0], [{"x": 1}])
    log(runs[1], [{"x": 1}])
    with runs[1].stream("train").open("a") as file:
        file.write('{"x": ')

    assert compare(runs)["train"].outcome is Outcome.IDENTICAL


def test_streams_of_one_run_only_are_different_and_the_machine_is_left_out(runs):
    log(runs[0], [{"x": 1}], "val")
    log(runs[0], [{"cpu": 1}], "system")
    log(runs[1], [{"cpu": 2}, {"cpu": 3}], "system")

    [part] = compare(runs).values()

    assert part.name == "val"
    assert part.difference == Difference(1, "", "1 record", MISSING)


def test_what_is_ignored_is_not_compared(runs):
    for number, run in enumerate(runs):
        log(run, [{"loss": 1.0, "seconds": number}])
        log(run, [{"x": number}], "timing")
        save(run, f"{number}", "log.txt")

    parts = compare(runs, ignore=["*.seconds", "timing", "*.txt"])

    assert {name: part.outcome for name, part in parts.items()} == {"train": Outcome.IDENTICAL}


def test_arrays_are_compared_by_value(runs):
    first = np.arange(12.0).reshape(3, 4)
    second = first.copy()
    second[2, 1] += 0.5
    for run, array in zip(runs, (first, second), strict=True):
        save(run, array, "weights.npy")
        save(run, {"a": array, "b": np.ones(2)}, "both.npz")
        save(run, xr.Dataset({"a": (("x", "y"), array)}), "set.nc")
        save(run, pd.DataFrame(array, columns=list("pqrs")), "table.parquet")
        save(run, {"weights": array.tolist()}, "plain.json")
        save(run, "the same", "note.txt")

    parts = compare(runs)

    assert {name: part.difference.key for name, part in parts.items() if part.difference} == {
        "weights.npy": "[2, 1]",
        "both.npz": "a[2, 1]",
        "set.nc": "a[2, 1]",
        "table.parquet": "q[2]",
        "plain.json": "weights[2][1]",
    }
    assert {(part.difference.recorded, part.difference.repeated) for part in parts.values() if part.difference} == {
        (9.0, 9.5)
    }
    assert parts["note.txt"].outcome is Outcome.IDENTICAL
    equal = compare(runs, atol=0.5)
    assert {equal[name].outcome for name in parts if name != "note.txt"} == {Outcome.EQUAL}
    assert {equal[name].absolute for name in parts if name != "note.txt"} == {0.5}


def test_files_and_directories_are_compared_by_their_bytes(runs, tmp_path):
    for number, run in enumerate(runs):
        place = tmp_path / f"made{number}"
        (place / "deep").mkdir(parents=True)
        (place / "same.bin").write_bytes(b"same")
        (place / "deep" / "other.bin").write_bytes(bytes([number]))
        save(run, place, "things")
        save(run, place / "deep" / "other.bin", "other.bin")
        save(run, [number], "trusted.pkl", kind="pickle")

    parts = compare(runs)

    assert parts["things"].difference.key == "deep/other.bin"
    assert parts["other.bin"].difference.recorded.startswith("1 bytes, sha256 6e340b9cffb37a98")
    assert parts["trusted.pkl"].outcome is Outcome.DIFFERENT


def test_files_that_are_not_what_their_suffix_says_are_compared_by_their_bytes(runs, tmp_path):
    for number, run in enumerate(runs):
        (tmp_path / "x.npy").write_bytes(b"no array" + bytes([number]))
        save(run, Path(tmp_path / "x.npy"), "x.npy")

    assert "sha256" in compare(runs)["x.npy"].difference.recorded


def test_artifacts_of_one_run_only_are_different(runs):
    save(runs[0], "a", "a.txt")
    save(runs[1], "b", "b.txt")

    parts = compare(runs)

    assert parts["a.txt"].difference == Difference(None, "", "there", MISSING)
    assert parts["b.txt"].difference == Difference(None, "", MISSING, "there")


@pytest.mark.parametrize(
    ("first", "second", "outcome", "key"),
    [
        (np.array([1, np.nan]), np.array([1, np.nan]), Outcome.IDENTICAL, None),
        (np.array([1, np.nan]), np.array([1.0, 2]), Outcome.DIFFERENT, "a[1]"),
        (np.array([np.inf]), np.array([1.0]), Outcome.DIFFERENT, "a[0]"),
        (np.array([1, 2**62]), np.array([1, 2**62 + 1]), Outcome.EQUAL, None),
        (np.zeros((2, 3)), np.zeros((3, 2)), Outcome.DIFFERENT, "a"),
        (np.array(["a", "b"]), np.array(["a", "c"]), Outcome.DIFFERENT, "a[1]"),
        (np.array(["1"]), np.array([1]), Outcome.DIFFERENT, "a"),
        (np.array(1.0), np.array(2.0), Outcome.DIFFERENT, "a"),
        (np.array(["NaT", "2026-01-01"], "M8[s]"), np.array(["NaT", "2026-01-01"], "M8[s]"), Outcome.IDENTICAL, None),
        (np.array([1j]), np.array([1j + 1e-9]), Outcome.EQUAL, None),
        (np.zeros(0), np.zeros(0), Outcome.IDENTICAL, None),
    ],
)
def test_arrays_of_all_kinds(first, second, outcome, key):
    found = Found(Tolerance(rtol=1e-6))

    compare_loaded("", {"a": first}, {"a": second}, found)

    part = found.part("artifact", "x")
    assert part.outcome is outcome
    assert (part.difference.key if part.difference else None) == key


def test_integers_that_floats_cannot_tell_apart_are_different():
    found = Found(Tolerance())

    compare_loaded("a", np.array([1, 2**62]), np.array([1, 2**62 + 1]), found)

    assert found.part("artifact", "x").difference == Difference(None, "a[1]", 2**62, 2**62 + 1)


def test_large_arrays_are_compared_a_part_at_a_time(monkeypatch):
    monkeypatch.setattr("typedxp.results.sameness.arrays._ITEMS", 4)
    first = np.arange(100.0).reshape(50, 2)
    second = first.copy()
    second[31, 1] = -1
    found = Found(Tolerance())

    compare_loaded("", first, second, found)

    assert found.part("artifact", "x").difference == Difference(None, "[31, 1]", 63.0, -1.0)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@given(values)
def test_every_value_is_identical_to_itself(value):
    found = Found(Tolerance())

    compare_plain("x", value, value, found)

    assert found.part("stream", "x").outcome is Outcome.IDENTICAL


@given(st.floats(), st.floats(), st.floats(0, 1), st.floats(0, 1))
def test_plain_numbers_and_arrays_are_judged_alike(first, second, rtol, atol):
    plain, array = Found(Tolerance(rtol, atol)), Found(Tolerance(rtol, atol))

    compare_plain("x", first, second, plain)
    compare_loaded("x", np.array(first), np.array(second), array)

    outcomes = [found.part("stream", "x").outcome for found in (plain, array)]
    assert outcomes[0].good == outcomes[1].good
    finite = math.isfinite(first) and math.isfinite(second)
    assert outcomes[0].good == bool(np.isclose(second, first, rtol, atol, equal_nan=True)) or not finite
