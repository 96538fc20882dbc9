import json
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp import open_results
from typedxp.stages.record import Run
from typedxp.store.streams import parse, spell_record, summarize
from typedxp.vocabulary.records import RunStatus

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
arrays = st.recursive(st.lists(scalars, max_size=3), lambda inner: st.lists(inner | scalars, max_size=3), max_leaves=9)
records = st.dictionaries(st.text(min_size=1, max_size=3), scalars | arrays)
pieces = st.sampled_from(
    ['{"a":1}', '{"b":NaN}', '{"a":"x', 'y"}', '{"a":[1', "2]}", "[]", "7", "", " ", "\r", "{", "}", ",", '"\\ud800"']
)
lines = st.binary(max_size=12) | pieces.map(str.encode) | records.map(spell_record).map(bytes.strip)


def read_line_by_line(data):
    found, damaged = [], 0
    for line in data.split(b"\n")[:-1]:
        try:
            record = orjson.loads(line)
        except ValueError:
            try:
                record = json.loads(line)
            except ValueError:
                record = None
        found += [record] if isinstance(record, dict) else []
        damaged += bool(line) and not isinstance(record, dict)
    return found, damaged


@given(st.lists(lines))
def test_records_are_read_as_a_reader_of_single_lines_reads_them(lines):
    data = b"".join(line + b"\n" for line in lines)

    assert repr(parse(data)) == repr(read_line_by_line(data))


@given(st.binary())
def test_any_bytes_are_read_and_summed_up_the_same(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("stream") / "train.jsonl"
    path.write_bytes(data)
    found, _ = parse(data)

    assert all(isinstance(record, dict) for record in found)
    assert summarize(path).records == len(found)
    assert summarize(path).bytes == len(data)


@given(st.lists(records.map(lambda record: {key: value for key, value in record.items() if key[0] != "_"}), max_size=5))
def test_what_a_run_sums_up_is_what_a_reader_of_its_file_sums_up(tmp_path_factory, records):
    run = Run(tmp_path_factory.mktemp("runs"), None, id=1)
    for record in records:
        run.log_metrics(record)
    written = run.close()

    for summary in written.values():
        read = summarize(run.directory / "metrics" / "train.jsonl")
        assert (read.records, read.bytes, read.columns.keys()) == (
            summary.records,
            summary.bytes,
            summary.columns.keys(),
        )
        for name, column in summary.columns.items():
            assert read.columns[name].records == column.records
            # Text that reads like a number JSON lacks cannot be told from it in a file.
            assert "str" in column.kinds or set(read.columns[name].kinds) == set(column.kinds)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_last_line_without_its_end_counts_if_it_is_whole(end):
    assert parse(b'{"a":1}\n{"a":2}' + end) == ([{"a": 1}, {"a": 2}], 0)


def test_a_torn_last_line_is_no_damage_and_a_torn_line_in_the_middle_is():
    assert parse(b'{"a":1}\n{"a":') == ([{"a": 1}], 0)
    assert parse(b'{"a":1}\n{"a":\n{"a":3}\n') == ([{"a": 1}, {"a": 3}], 1)


def test_lines_that_are_json_only_together_are_damage():
    assert parse(b'{"a":1\n"b":2}\n{"a":3}\n') == ([{"a": 3}], 2)


def test_deep_nesting_is_damage_and_no_crash():
    assert parse(b"[" * 100_000 + b'\n{"a":1}\n') == ([{"a": 1}], 1)


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.RUNNING])
def test_a_stream_of_numbers_keeps_nan_and_infinities_of_finished_and_killed_runs(store, status):
    store.add({}, [{"loss": value} for value in (math.nan, math.inf, -math.inf, 0.5)], status)

    for _ in range(2):
        assert repr(open_results(store.path)["train.loss"].values.tolist()) == "[nan, inf, -inf, 0.5]"


def test_text_that_reads_like_a_number_json_lacks_stays_text_in_a_column_of_text(store):
    store.add({}, [{"state": "NaN"}, {"state": "ok"}])

    assert open_results(store.path)["train.state"].values.tolist() == ["NaN", "ok"]


@pytest.mark.parametrize("value", [2**63, 2**64, -(2**63) - 1, 10**30])
def test_integers_of_more_than_64_bits_are_floats(store, value):
    run = store.add({}, [{"small": 1, "huge": value, "long": 2**62}])
    summary = run.read_status().streams["train"]

    assert [summary.columns[name].kinds for name in ("small", "huge", "long")] == [("int",), ("float",), ("int",)]
    assert summarize(run.stream("train")) == summary
    assert [open_results(store.path)[f"train.{name}"].dtype for name in ("small", "huge")] == ["int64", "float64"]
