"""What a run logs is written down at once, whole, and summed up right; what cannot be recorded is refused."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from enum import Enum, IntEnum, StrEnum

import numpy as np
import pytest

from typedxp.errors import RecordError
from typedxp.stages.record import Run
from typedxp.store.streams import parse, summarize


@pytest.fixture
def run(tmp_path):
    (tmp_path / "17").mkdir()
    return Run(tmp_path / "17", {"lr": 0.1})


def lines(run, stream="train"):
    return (run.directory / "metrics" / f"{stream}.jsonl").read_text().splitlines()


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Half(float):
    pass


class Tensor:
    """Looks like a torch tensor without dimensions."""

    ndim = 0

    def __init__(self, value):
        self.value = value

    def item(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def test_a_run_knows_its_number_its_directory_and_its_config(run, tmp_path):
    assert (run.id, run.directory, run.config) == (17, tmp_path / "17", {"lr": 0.1})
    assert repr(run) == f"<Run 17 in {tmp_path / '17'}>"


def test_in_a_unit_test_any_directory_will_do(tmp_path):
    run = Run(str(tmp_path), None, id=3)
    run.log("eval", accuracy=1)

    assert run.id == 3
    assert lines(run, "eval") == ['{"accuracy":1}']
    with pytest.raises(RecordError, match=r"is not called by a number, as runs are: give one, Run\(\.\.\., id=1\)"):
        Run(tmp_path / "here", None)


@pytest.mark.parametrize(
    ("value", "written", "kind"),
    [
        (1, "1", "int"),
        (-0.5, "-0.5", "float"),
        (True, "true", "bool"),
        ("é\n\0", '"é\\n\\u0000"', "str"),
        ("", '""', "str"),
        (None, "null", "null"),
        (math.nan, '"NaN"', "float"),
        (-math.inf, '"-Infinity"', "float"),
        (2**53, str(2**53), "int"),
        (-(2**63), str(-(2**63)), "int"),
        (2**63, str(2**63), "float"),
        (10**400, str(10**400), "float"),
        (5e-324, "5e-324", "float"),
        ("\udcff", '"\\udcff"', "str"),
        (Colour.RED, '"red"', "str"),
        (Level.HIGH, "3", "int"),
        (Half(0.5), "0.5", "float"),
        (np.float32(0.5), "0.5", "float"),
        (np.float64("nan"), '"NaN"', "float"),
        (np.int8(-3), "-3", "int"),
        (np.uint64(2**64 - 1), str(2**64 - 1), "float"),
        (np.bool_(True), "true", "bool"),
        (np.str_("a"), '"a"', "str"),
        (np.array(2.5), "2.5", "float"),
        (Tensor(1.5), "1.5", "float"),
        (Tensor(math.inf), '"Infinity"', "float"),
    ],
)
def test_a_scalar_is_kept(run, value, written, kind):
    run.log_metrics({"value": value, "step": 0})
    run.log_metrics({"value": value, "step": 1})
    summary = run.close()["train"]

    assert lines(run) == [f'{{"value":{written},"step":{step}}}' for step in (0, 1)]
    assert summary.columns["value"].kinds == (kind,)
    assert summary == summarize(run.directory / "metrics" / "train.jsonl")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {"a": [1, object()]},
            "The metric 'a' is a list: log scalars (int, float, bool, str, or a numpy or torch scalar) or arrays of up",
        ),
        ({"ok": 1, "a": {"b": 1}}, "The metric 'a' is a dict"),
        ({"a": np.zeros(10_001)}, "The metric 'a' is a ndarray"),
        ({"a": [[0.0] * 101] * 100}, "The metric 'a' is a list"),
        ({"a": np.zeros(3, complex)}, "The metric 'a' is a ndarray"),
        ({"a": 1j}, "The metric 'a' is a complex"),
        ({"a": np.complex64(1)}, "The metric 'a' is a complex64"),
        ({"a": b"bytes"}, "The metric 'a' is a bytes"),
        ({"a": object()}, "The metric 'a' is a object"),
        ({"a": Enum("E", "x").x}, "The metric 'a' is a E"),
        ({"a": Tensor(RuntimeError("on the meta device"))}, "The metric 'a' is a Tensor"),
        ({"a": Tensor([1, {}])}, "The metric 'a' is a Tensor"),
        ({"_step": 1}, "A metric cannot be called '_step': use text that does not begin with '_'."),
        ({"": 1}, "A metric cannot be called ''"),
        ({1: 1}, "A metric cannot be called 1"),
        ({None: 1}, "A metric cannot be called None"),
        ("loss", "Log a mapping of names to "),
        (0.5, "Log a mapping of names to "),
        ([("a", 1)], "Log a mapping of names to "),
    ],
)
def test_what_is_no_record_is_refused_and_the_stream_goes_on(run, record, message):
    run.log(a=1)
    with pytest.raises(RecordError) as refused:
        run.log_metrics(record)
    run.log(a=2)

    assert str(refused.value).startswith(message)
    assert lines(run) == ['{"a":1}', '{"a":2}']
    assert run.close()["train"].records == 2


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/etc", "a\0", "a b", "-a", "_a", "é", "x" * 101, "a.b", "a\n", 1, b"a"]
)
def test_an_unsafe_name_of_a_stream_is_refused(run, name):
    with pytest.raises(RecordError, match="A stream cannot be called"):
        run.log_metrics({"a": 1}, stream=name)

    assert list(run.directory.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 100, "CON", "0", "train-2", "Eval_set"])
def test_any_other_name_of_a_stream_is_good(run, name):
    run.log_metrics({"a": 1}, stream=name)

    assert list(run.close()) == [name]


def test_the_short_form_takes_any_name_of_a_metric(run):
    run.log(self=1, stream=2, record=3)

    assert lines(run) == ['{"self":1,"stream":2,"record":3}']


def test_the_summary_counts_every_kind_of_every_column(run):
    run.log(a=1, b=0.5)
    run.log(a=1.5)
    run.log(b=None, a=True, c="x")
    run.log()
    summary = run.close()["train"]

    assert summary.records == 4
    assert {name: (column.kinds, column.records) for name, column in summary.columns.items()} == {
        "a": (("int", "float", "bool"), 3),
        "b": (("float", "null"), 2),
        "c": (("str",), 1),
    }
    assert summary == summarize(run.directory / "metrics" / "train.jsonl")
    assert run.close() == {"train": summary}


def test_threads_write_whole_lines_and_are_all_counted(run):
    start = threading.Barrier(4)

    def work(number):
        start.wait()
        for step in range(2000):
            run.log(thread=number, step=step, loss=0.5 if number else np.float32(0.5))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    summary = run.close()["train"]

    records = [json.loads(line) for line in lines(run)]
    assert sorted((record["thread"], record["step"]) for record in records) == [
        (thread, step) for thread in range(4) for step in range(2000)
    ]
    assert summary.records == summary.columns["loss"].records == 8000
    assert summary.bytes == (run.directory / "metrics" / "train.jsonl").stat().st_size


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_that_logs_as_well_is_counted(run):
    run.log(who="parent")
    child = multiprocessing.get_context("fork").Process(target=lambda: [run.log(who="child") for _ in range(100)])
    child.start()
    run.log(who="parent")
    child.join()

    assert child.exitcode == 0
    assert run.close()["train"].records == 102
    assert len(lines(run)) == 102


def test_a_stream_that_an_earlier_attempt_left_torn_goes_on_on_a_line_of_its_own(run):
    run.log(a=1)
    run.close()
    with (run.directory / "metrics" / "train.jsonl").open("a") as file:
        file.write('{"a":2')
    run.log(a=3)

    assert lines(run) == ['{"a":1}', '{"a":2', '{"a":3}']
    assert run.close()["train"].records == 2


def test_a_record_that_somebody_is_just_writing_is_not_taken_for_a_torn_one(run, monkeypatch):
    run.log(a=1)
    file = run.directory / "metrics" / "train.jsonl"
    file.write_text('{"a":1}\n{"a":')

    def write_the_rest(_):
        with file.open("a") as stream:
            stream.write("2}\n")

    monkeypatch.setattr(time, "sleep", write_the_rest)
    other = Run(run.directory, None, timestamps=False)
    other.log(a=3)

    assert lines(run) == ['{"a":1}', '{"a":2}', '{"a":3}']


def test_logging_into_a_directory_that_is_gone_is_refused(tmp_path):
    run = Run(tmp_path / "3", None)

    with pytest.raises(RecordError, match=r"train\.jsonl cannot be written: No such file or directory\."):
        run.log(a=1)


def test_a_kill_while_logging_leaves_every_record_but_the_last_whole(tmp_path):
    code = """
import sys
from typedxp.stages.record import Run
run = Run(sys.argv[1], None, id=1)
print("ready", flush=True)
for step in range(10**9):
    run.log(step=step, text="x" * (step % 300))
"""
    for attempt in range(10):
        directory = tmp_path / str(attempt)
        directory.mkdir()
        process = subprocess.Popen([sys.executable, "-c", code, str(directory)], stdout=subprocess.PIPE)
        process.stdout.readline()
        threading.Event().wait(0.01 * attempt)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()

        file = directory / "metrics" / "train.jsonl"
        data = file.read_bytes() if file.exists() else b""
        records, damaged = parse(data) if data else ([], 0)
        assert damaged == 0
        assert [record["step"] for record in records] == list(range(len(records)))


def test_only_the_first_rank_saves_checkpoints(tmp_path, monkeypatch):
    run = Run(tmp_path, id=1)
    monkeypatch.setenv("RANK", "1")
    run.log_checkpoint({"epoch": 1})

    assert run.load_checkpoint("nothing") == "nothing"
