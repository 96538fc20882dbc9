"""The steps of a stream are told in a few numbers: the same by what was logged, and by what the file holds."""

from __future__ import annotations

import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.store.directory import RunDirectory
from typedxp.store.steps import MAX_PIECES
from typedxp.store.streams import summarize
from typedxp.store.writer import StreamWriter
from typedxp.vocabulary.records import RunStatus, Status, Steps


@pytest.fixture
def stream(tmp_path):
    return tmp_path / "metrics" / "train.jsonl"


def logged(path, records):
    """Return the summary of the records as they were logged; the one made from the file tells the same steps."""
    writer = StreamWriter(path)
    for record in records:
        writer.append(record)
    summary, read = writer.close(), summarize(path)
    assert (summary.steps, summary.records, summary.bytes) == (read.steps, read.records, read.bytes)
    return summary


def values_of(steps):
    """Return the step of every record."""
    return [first + stride * index for first, stride, count in steps.pieces for index in range(count)]


class Phase(IntEnum):
    FIRST = 3
    SECOND = 5


@pytest.mark.parametrize(
    ("values", "pieces"),
    [
        ([7], ((7, 1, 1),)),
        ([0, 1, 2, 3], ((0, 1, 4),)),
        ([-10, 0, 10], ((-10, 10, 3),)),
        ([0, 100, 200, 250], ((0, 100, 3), (250, 1, 1))),
        ([0, 1, 2, 10, 20, 30], ((0, 1, 3), (10, 10, 3))),
        ([np.int64(4), np.int32(5)], ((4, 1, 2),)),
        ([Phase.FIRST, Phase.SECOND, 7], ((3, 2, 3),)),
        ([-(2**63), 2**63 - 1], ((-(2**63), 2**64 - 1, 2),)),
    ],
)
def test_increasing_steps_are_told_in_pieces_of_equal_strides(stream, values, pieces):
    steps = logged(stream, [{"step": value, "loss": 0.5} for value in values]).steps

    assert steps == Steps("step", pieces)
    assert values_of(steps) == list(map(int, values))


@pytest.mark.parametrize(
    "values",
    [
        [0, 0],
        [1, 0],
        [0, 1, 2, 2],
        [0, 1, 2, 1],
        [0, 10, 20, 25, 25],
        [0, 10, 20, 25, 24],
        [0, 1, 2.0],
        [0.0, 1.0],
        [False, True],
        [0, True],
        [-1, 0, True],
        [0, 1, None],
        [0, "1"],
        [0, 1, [2]],
        [0, float("nan")],
        [0, 2**63],
        [2**63 - 2, 2**63 - 1, 2**63],
        [step * step for step in range(2 * MAX_PIECES + 1)],
    ],
)
def test_there_are_none_where_the_values_are_anything_else(stream, values):
    assert logged(stream, [{"step": value} for value in values]).steps is None


def test_there_are_none_where_a_record_has_none(stream, tmp_path):
    assert logged(stream, [{"step": 0}, {"loss": 1}, {"step": 2}]).steps is None
    assert logged(tmp_path / "late" / "train.jsonl", [{"loss": 1}, {"step": 0}]).steps is None
    assert logged(tmp_path / "never" / "train.jsonl", []).steps is None


@pytest.mark.parametrize(
    ("records", "key"),
    [
        ([{"epoch": 0, "step": 0}, {"epoch": 1, "step": 5}], "step"),
        ([{"epoch": 0, "step": 0}, {"epoch": 1, "step": 0}], "epoch"),
        ([{"epoch": 0, "global_step": 0}, {"epoch": 0, "global_step": 1}], "global_step"),
        ([{"epoch": 0, "iteration": 0}, {"epoch": 1, "iteration": 1}], "iteration"),
        ([{"epoch": 0, "step": 0.0}, {"epoch": 1, "step": 1.0}], "epoch"),
        ([{"batch": 0}, {"batch": 1}], None),
    ],
)
def test_the_first_of_the_known_keys_that_increases_counts(stream, records, key):
    steps = logged(stream, records).steps

    assert (steps and steps.key) == key


def test_as_many_pieces_as_are_few_are_told(stream, tmp_path):
    strides = [stride for piece in range(MAX_PIECES) for stride in (piece + 1, piece + 1, 1000 + piece)]
    values = list(accumulate(strides, initial=0))[: 3 * MAX_PIECES]

    few = logged(stream, [{"step": value} for value in values]).steps
    assert few is not None
    assert len(few.pieces) == MAX_PIECES
    assert values_of(few) == values
    assert logged(tmp_path / "more" / "train.jsonl", [{"step": v} for v in (*values, values[-1] + 5)]).steps is None


def test_a_resumed_stream_is_told_whole(stream):
    logged(stream, [{"step": 0}, {"step": 1}])

    assert logged(stream, [{"step": 2}, {"step": 10}]).steps == Steps("step", ((0, 1, 3), (10, 1, 1)))


def test_a_resumed_stream_that_begins_anew_has_none(stream):
    logged(stream, [{"step": 0}, {"step": 1}])

    assert logged(stream, [{"step": 0}]).steps is None


def test_steps_of_several_threads_are_those_of_the_file(stream):
    writer = StreamWriter(stream)
    for first in (0, 3):
        with ThreadPoolExecutor(1) as pool:
            list(pool.map(writer.append, [{"step": first + step} for step in range(3)]))
    summary = writer.close()

    assert summary == summarize(stream)
    assert summary.steps == Steps("step", ((0, 1, 6),))


def test_threads_in_disorder_have_none(stream):
    writer = StreamWriter(stream)
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        first.submit(writer.append, {"step": 5}).result()
        second.submit(writer.append, {"step": 0}).result()
        first.submit(writer.append, {"step": 6}).result()
    summary = writer.close()

    assert summary == summarize(stream)
    assert summary.steps is None


numbers = st.one_of(
    st.integers(-3, 20), st.integers(), st.floats(), st.booleans(), st.none(), st.sampled_from(["x", 2.0, [1]])
)
free = st.lists(st.dictionaries(st.sampled_from(["step", "global_step", "epoch", "loss"]), numbers), max_size=8)
increasing = st.tuples(st.integers(-5, 5), st.lists(st.integers(1, 3), max_size=60)).map(
    lambda drawn: [{"step": step} for step in accumulate(drawn[1], initial=drawn[0])]
)


@given(st.one_of(free, increasing))
def test_what_was_logged_and_the_file_tell_the_same(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("run") / "metrics" / "train.jsonl"
    steps = logged(path, records).steps

    columns = defaultdict(list)
    for record in map(json.loads, path.read_text().splitlines()):
        for key, value in record.items():
            columns[key].append(value)
    if steps is not None:
        assert values_of(steps) == columns[steps.key]
        assert len(values_of(steps)) == len(records)
        assert all(before < after for before, after in pairwise(values_of(steps)))


def test_steps_are_written_and_read_back_and_may_be_missing(tmp_path):
    run = RunDirectory(tmp_path / "1")
    run.path.mkdir()
    summary = logged(run.stream("train"), [{"step": 0}, {"step": 5}])
    run.write_status(Status(RunStatus.COMPLETED, streams={"train": summary}))

    assert run.read_status().streams["train"] == summary
    assert summary.steps == Steps("step", ((0, 5, 2),))
    written = json.loads(run.status_file.read_text())
    assert written["streams"]["train"].pop("steps") == {"key": "step", "pieces": [[0, 5, 2]]}
    run.status_file.write_text(json.dumps(written))
    assert run.read_status().streams["train"].steps is None
