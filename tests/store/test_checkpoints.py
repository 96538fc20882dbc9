"""Checkpoints are there whole or not at all, and one that a crash has torn is passed over."""

from __future__ import annotations

import json
import os
import sys
import threading
import types
from pathlib import Path

import pytest

from typedxp.errors import RecordError
from typedxp.stages.record import Run
from typedxp.store.checkpoints import Checkpoints, CheckpointWarning


@pytest.fixture
def run(tmp_path):
    (tmp_path / "17").mkdir()
    return Run(tmp_path / "17")


def names(run):
    return sorted(path.name for path in (run.directory / "checkpoints").iterdir())


def state_file(run, number):
    return run.directory / "checkpoints" / str(number) / "state.pkl"


def test_without_a_checkpoint_there_is_the_default(run):
    assert run.load_checkpoint() is None
    assert run.load_checkpoint({"epoch": 0}) == {"epoch": 0}
    assert not run.resumed
    assert list(run.directory.iterdir()) == []


@pytest.mark.parametrize(
    "state", [None, 0, {"epoch": 3, "weights": [0.5] * 1000}, {1, 2}, b"x" * 10_000_000, Path("a")]
)
def test_any_object_comes_back(run, state):
    run.log_checkpoint(state)

    assert run.load_checkpoint("default") == state


def test_a_checkpoint_says_what_it_is_and_how_far_the_streams_were(run):
    run.log(a=1)
    run.log("eval", a=2)
    run.log_checkpoint("state")
    run.log(a=3)

    found = json.loads((run.directory / "checkpoints" / "1" / "checkpoint.json").read_text())
    assert found["streams"] == {"train": 8, "eval": 8}
    assert (found["number"], found["attempt"], found["file"]) == (1, 1, "state.pkl")
    assert found["bytes"] == state_file(run, 1).stat().st_size
    assert found["time"].endswith("+00:00")


def test_the_newest_are_kept_and_numbers_go_on(run):
    for step in range(5):
        run.log_checkpoint(step)
    assert names(run) == ["4", "5"]
    run.log_checkpoint(5, keep=4)
    assert names(run) == ["4", "5", "6"]
    run.log_checkpoint(6, keep=1)
    assert names(run) == ["7"]
    run.log_checkpoint(7, keep=0)

    assert names(run) == ["8"]
    assert run.load_checkpoint() == 7


def test_ten_comes_after_nine(run):
    for step in range(1, 12):
        run.log_checkpoint(step, keep=20)

    assert run.load_checkpoint() == 11


@pytest.mark.parametrize(
    "tear",
    [
        lambda file: os.truncate(file, file.stat().st_size - 1),
        lambda file: os.truncate(file, 0),
        lambda file: file.write_bytes(bytes([file.read_bytes()[0]]) + b"\xff" + file.read_bytes()[2:]),
        lambda file: file.unlink(),
        lambda file: (file.parent / "checkpoint.json").unlink(),
        lambda file: (file.parent / "checkpoint.json").write_text('{"number": 2'),
        lambda file: (file.parent / "checkpoint.json").write_text("[]"),
        lambda file: (file.parent / "checkpoint.json").write_text('{"number": 2, "unknown": 1}'),
        lambda file: (file.parent / "checkpoint.json").write_bytes(b"\x00" * 200),
    ],
)
def test_one_that_is_torn_is_passed_over_with_a_warning(run, tear):
    run.log_checkpoint("older")
    run.log_checkpoint("newer")
    tear(state_file(run, 2))

    with pytest.warns(CheckpointWarning, match=r"Checkpoint 2 in .* is not whole, and is passed over\."):
        assert run.load_checkpoint() == "older"
    run.log_checkpoint("newest", keep=3)
    assert run.load_checkpoint() == "newest"
    assert names(run) == ["1", "2", "3"]


def test_when_none_is_whole_there_is_the_default(run):
    run.log_checkpoint("only")
    state_file(run, 1).write_bytes(b"")

    with pytest.warns(CheckpointWarning):
        assert run.load_checkpoint("default") == "default"


def refuse(self):
    raise RuntimeError("not me")


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (lambda: None, "lambda"),
        (threading.Lock(), "TypeError: cannot pickle '_thread.lock' object"),
        ({"deep": [1, (2, lambda: None)]}, "lambda"),
        (type("Odd", (), {"__reduce__": refuse})(), "RuntimeError: not me"),
    ],
)
def test_what_cannot_be_pickled_is_refused_and_nothing_is_left_of_it(run, state, problem):
    run.log_checkpoint("good")

    with pytest.raises(RecordError, match=r"^The state of a checkpoint cannot be pickled: ") as refused:
        run.log_checkpoint(state)

    assert problem in str(refused.value)
    assert names(run) == ["1"]
    assert run.load_checkpoint() == "good"


def test_a_state_whose_class_is_gone_is_refused_with_the_reason(run, monkeypatch):
    module = types.ModuleType("gone_module")
    exec("class Gone: ...", vars(module))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "gone_module", module)
        run.log_checkpoint(module.Gone())

    with pytest.raises(RecordError, match=r"state\.pkl cannot be read back: ModuleNotFoundError"):
        run.load_checkpoint()


def test_what_a_kill_left_half_made_is_no_checkpoint_and_is_removed(run):
    run.log_checkpoint("whole")
    (run.directory / "checkpoints" / ".draft.0123").mkdir()
    (run.directory / "checkpoints" / ".draft.0123" / "state.pkl").write_bytes(b"half")

    assert run.load_checkpoint() == "whole"
    Run(run.directory, attempt=2).rewind()

    assert names(run) == ["1"]


def test_a_run_whose_directory_is_gone_does_not_come_back_as_half_a_run(run):
    run.directory.rmdir()

    with pytest.raises(RecordError, match=r"A checkpoint cannot be written to .*: No such file or directory"):
        run.log_checkpoint("state")
    assert not run.directory.exists()


def test_threads_may_save_at_once(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    start = threading.Barrier(8)

    def save(number):
        start.wait()
        checkpoints.save(number, 1, "now", {}, keep=100)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(path.name for path in tmp_path.iterdir()) == [str(number) for number in range(1, 9)]
    assert {checkpoints.load(checkpoints._read(number)) for number in range(1, 9)} == set(range(8))
    assert [checkpoints._read(number).number for number in range(1, 9)] == list(range(1, 9))


def test_going_on_sets_aside_what_was_logged_after_the_checkpoint(run):
    run.log(step=1)
    run.log_checkpoint("one")
    run.log(step=2)
    run.log("eval", step=2)
    run.close()
    with run._files.stream("train").open("ab") as file:
        file.write(b'{"torn')

    second = Run(run.directory, attempt=2)
    second.rewind()
    second.log(step=2)
    second.log_checkpoint("two")
    second.log(step=3)
    third = Run(run.directory, attempt=3)
    third.rewind()

    assert second.resumed
    read = lambda *names: (run.directory.joinpath("metrics", *names)).read_text()  # noqa: E731 - it says what it is
    assert read("train.jsonl") == '{"step":1}\n{"step":2}\n'
    assert read("eval.jsonl") == ""
    assert read("superseded", "1", "train.jsonl") == '{"step":2}\n{"torn'
    assert read("superseded", "1", "eval.jsonl") == '{"step":2}\n'
    assert read("superseded", "2", "train.jsonl") == '{"step":3}\n'
    assert run._files.streams() == ("eval", "train")


def test_tensors_and_modules_come_back(run):
    torch = pytest.importorskip("torch", reason="needs torch: pip install torch")
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(3)).sum().backward()
    optimizer.step()

    run.log_checkpoint({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3})
    state = run.load_checkpoint()

    assert (run.directory / "checkpoints" / "1" / "state.pt").exists()
    assert state["epoch"] == 3
    assert torch.equal(state["model"]["weight"], model.weight)
    optimizer.load_state_dict(state["optimizer"])
    run.log_checkpoint(model)
    assert torch.equal(run.load_checkpoint().bias, model.bias)
    os.truncate(run.directory / "checkpoints" / "2" / "state.pt", 100)
    with pytest.warns(CheckpointWarning):
        assert run.load_checkpoint()["epoch"] == 3
    with pytest.raises(RecordError, match="cannot be pickled"):
        run.log_checkpoint({"tensor": torch.ones(1), "bad": lambda: None})
    assert names(run) == ["1", "2"]
