"""Reading the files of streams that other tools write."""

import csv
import io
import json
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.results.sources.formats import parse_column, parse_file, summarize_file
from typedxp.store.streams import summarize
from typedxp.vocabulary.records import Column, Steps, StreamSummary


def test_json_lines_are_read_whatever_the_ending():
    data = b'{"loss": 1.0}\n{"loss": NaN}\n'

    for suffix in (".json", ".jsonl"):
        records, damaged = parse_file(data, suffix)

        assert damaged == 0
        assert records[0] == {"loss": 1.0}
        assert math.isnan(records[1]["loss"])


def test_a_half_written_json_line_is_left_out():
    assert parse_file(b'{"loss": 1.0}\n{"loss": 2', ".json") == ([{"loss": 1.0}], 0)
    assert parse_file(b'{"loss": 1.0}\n{"lo\n{"loss": 3}\n', ".json") == ([{"loss": 1.0}, {"loss": 3}], 1)


LINES = st.sampled_from(
    ['{"a": 1}', '{"a": 2, "b": [3]}', '{"a": 1', '"b": 2}', "4", "", "null", '{"a": 1}, {"a": 2}', "NaN"]
)


@given(st.lists(LINES, min_size=1), st.booleans())
def test_what_was_counted_before_changes_nothing_of_what_is_read(lines, ended):
    data = ("\n".join(lines) + "\n" * ended).encode()
    records, damaged = parse_file(data, ".jsonl")

    for counted in (len(lines), len(records)):
        assert parse_column(data, ".jsonl", "a", counted) == ([record.get("a") for record in records], damaged)


def test_damaged_lines_are_told_of_though_all_others_were_counted():
    data = b'{"loss": 1.0}\n{"lo\n{"loss": 3}\n'

    for counted in (2, 3):
        assert parse_column(data, ".json", "loss", counted) == ([1.0, 3], 1)


@pytest.mark.parametrize("text", ['[{"loss": 1}, {"loss": 2}]', '{\n  "loss": 1\n}\n', "null\n", "", "\xff\xfe\n"])
def test_json_that_is_not_one_object_per_line_holds_no_records(text):
    assert parse_file(text.encode("latin-1"), ".json")[0] == []


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("0.5", 0.5),
        (" 0.5 ", 0.5),
        ("1e-05", 1e-05),
        ("5.", 5.0),
        ("-inf", -math.inf),
        ("True", True),
        ("false", False),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("tensor(0.5)", "tensor(0.5)"),
        ("\u0663", "\u0663"),
        ("a b", "a b"),
    ],
)
def test_a_cell_is_a_number_a_truth_or_text(cell, value):
    [record] = parse_file(f"x\n{cell}\n".encode(), ".csv")[0]

    assert record == {"x": value}
    assert type(record["x"]) is type(value)


def test_an_empty_cell_is_no_value():
    data = b"epoch,train_loss,val_acc\r\n0,0.5,\r\n0,,0.6\r\n"

    assert parse_file(data, ".csv") == ([{"epoch": 0, "train_loss": 0.5}, {"epoch": 0, "val_acc": 0.6}], 0)


def test_a_torn_last_line_is_nobodys_damage_but_one_in_the_middle_is():
    assert parse_file(b"a,b\n1,2\n3", ".csv") == ([{"a": 1, "b": 2}], 0)
    assert parse_file(b"a,b\n1\n3,4\n5,6,7\n", ".csv") == ([{"a": 3, "b": 4}], 2)


def test_the_last_line_of_a_table_needs_no_end():
    assert parse_file(b"a,b\n1,2\n3,4", ".csv") == ([{"a": 1, "b": 2}, {"a": 3, "b": 4}], 0)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"a,b\n", b"a,b"])
def test_what_is_no_table_or_has_no_lines_holds_no_records(data):
    assert parse_file(data, ".csv")[0] == []


def test_bytes_that_are_no_text_do_not_hide_the_numbers():
    records, damaged = parse_file(b"\xef\xbb\xbfloss,note\n0.5,caf\xe9\n", ".csv")

    assert (records[0]["loss"], damaged) == (0.5, 0)


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read_as_a_table(data):
    records, damaged = parse_file(data, ".csv")

    assert damaged >= 0
    assert all(isinstance(record, dict) for record in records)


_RECORDS = st.lists(
    st.fixed_dictionaries(
        {"x": st.floats(allow_nan=False) | st.integers(), "y": st.booleans(), "z": st.sampled_from(["a", "b,c", 'd"'])}
    ),
    min_size=1,
    max_size=5,
)


@given(_RECORDS)
def test_what_python_writes_as_csv_is_read_back(records):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["x", "y", "z"])
    writer.writeheader()
    writer.writerows(records)

    assert parse_file(text.getvalue().encode(), ".csv") == (records, 0)


def test_a_table_is_summed_up_as_the_same_json_lines_are(tmp_path):
    (tmp_path / "a.csv").write_text(f"epoch,loss,big\n0,0.5,\n1,nan,{2**70}\n")
    records = [{"epoch": 0, "loss": 0.5}, {"epoch": 1, "loss": math.nan, "big": 2**70}]
    (tmp_path / "a.json").write_text("".join(json.dumps(record) + "\n" for record in records))
    table, lines = summarize_file(tmp_path / "a.csv"), summarize_file(tmp_path / "a.json")

    columns = {"epoch": Column(("int",), 2), "loss": Column(("float",), 2), "big": Column(("float",), 1)}
    steps = Steps("epoch", ((0, 1, 2),))
    assert table == StreamSummary(2, (tmp_path / "a.csv").stat().st_size, columns, steps)
    assert table.columns == lines.columns


_VALUES = st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.sampled_from(["a", "NaN"])


@given(
    st.lists(st.dictionaries(st.sampled_from(["a", "epoch"]), _VALUES | st.lists(st.floats()), max_size=2), max_size=4)
)
def test_json_lines_are_summed_up_as_our_own_streams_are(records):
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "train.json")
        path.write_text("".join(json.dumps(record) + "\n" for record in records))

        assert summarize_file(path) == summarize(path)
