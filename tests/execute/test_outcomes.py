"""How a run ends is recorded, whatever the user's code does, here and in worker processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from typedxp.vocabulary.records import RunStatus

ENDINGS = """
class Silent(BaseException): pass

class Mute(Exception):
    def __str__(self): raise RuntimeError("mute")

def recurse(): recurse()

@typedxp.experiment
def train(run, how: str = "return"):
    run.log(loss=0.5)
    match how:
        case "raise": raise ValueError("first line\\nsecond line")
        case "base": raise Silent
        case "mute": raise Mute
        case "deep": recurse()
        case "huge": raise ValueError("x" * 1_000_000)
        case "surrogate": raise ValueError("\\udcff")
        case "exit": raise SystemExit
        case "exit0": raise SystemExit(0)
        case "exit3": raise SystemExit(3)
        case "words": raise SystemExit("no data")
        case "generator": raise GeneratorExit
"""

EXPECTED = {
    "return": (RunStatus.COMPLETED, None),
    "raise": (RunStatus.FAILED, "ValueError: first line"),
    "base": (RunStatus.FAILED, "Silent"),
    "mute": (RunStatus.FAILED, "Mute: (its message cannot be made: RuntimeError)"),
    "deep": (RunStatus.FAILED, "RecursionError: maximum recursion depth exceeded"),
    "huge": (RunStatus.FAILED, "ValueError: xxx"),
    "surrogate": (RunStatus.FAILED, "ValueError: \udcff"),
    "exit": (RunStatus.COMPLETED, None),
    "exit0": (RunStatus.COMPLETED, None),
    "exit3": (RunStatus.FAILED, "exit(3)"),
    "words": (RunStatus.FAILED, "exit('no data')"),
    "generator": (RunStatus.FAILED, "GeneratorExit"),
}


@pytest.mark.parametrize("jobs", [None, 2])
def test_every_ending_is_recorded_and_the_other_runs_go_on(declared, statuses, run_directory, jobs, capfd):
    declared(ENDINGS).sweep({"how": list(EXPECTED)}, xp={"jobs": jobs})

    found = statuses()
    for number, (how, (word, cause)) in enumerate(EXPECTED.items(), start=1):
        status = found[number]
        assert status.status is word, how
        assert (status.cause or "").startswith(cause or ""), how
        assert (status.cause is None) == (cause is None), how
        assert status.end is not None
        assert status.streams["train"].records == 1, how
        assert status.exit_code == (None if jobs is None else 1 if word is RunStatus.FAILED else 0), how
        assert (run_directory(number).path / "status.json").stat().st_size < 150_000
    capfd.readouterr()


def test_the_traceback_begins_in_the_users_code(declared, statuses, run_directory, capfd):
    declared(ENDINGS).run(how="raise")

    failure = statuses()[1].failure
    assert (failure.type, failure.message) == ("ValueError", "first line\nsecond line")
    assert failure.traceback == run_directory(1).stderr.read_text()
    lines = failure.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "typedxp/stages" not in failure.traceback
    assert ", in train" in lines[1]
    assert lines[-2:] == ["ValueError: first line", "second line"]
    assert failure.traceback in capfd.readouterr().err


def test_the_whole_message_of_a_failure_is_in_stderr_log_only(declared, statuses, run_directory, capfd):
    declared(ENDINGS).run(how="huge")

    assert len(run_directory(1).stderr.read_text()) > 1_000_000
    assert len(statuses()[1].failure.message) < 11_000
    assert "[... 990000 characters ...]" in statuses()[1].failure.message
    capfd.readouterr()


@pytest.mark.parametrize("jobs", [None, 1])
def test_the_first_failure_can_stop_the_sweep(declared, statuses, jobs, capfd):
    declared(ENDINGS).sweep({"how": ["return", "raise", "exit", "words"]}, xp={"jobs": jobs, "on_error": "stop"})

    found = statuses()
    assert [status.status for status in found.values()] == ["completed", "failed", "cancelled", "cancelled"]
    assert found[3].cause == found[4].cause == "not started, since run 2 failed"
    assert found[3].start is None
    capfd.readouterr()


def test_runs_here_are_executed_in_order_one_after_the_other(declared, tmp_path):
    declared("""
        from pathlib import Path
        @typedxp.experiment
        def train(run, a: int = 0, b: int = 0):
            with Path("order").open("a") as file:
                file.write(f"{run.id}:{a}{b} ")
    """).sweep({"b": [2, 1], "a": range(3)})

    assert (tmp_path / "order").read_text() == "1:02 2:12 3:22 4:01 5:11 6:21 "


def test_a_run_that_changes_the_working_directory_moves_neither_its_files_nor_the_next_run(
    declared, statuses, tmp_path
):
    declared("""
        import os
        @typedxp.experiment
        def train(run, seed: int = 0):
            with open("here", "a") as file:
                file.write("x")
            os.chdir("/")
            run.log(loss=1.0)
    """).sweep({"seed": [1, 2]})

    assert [status.status for status in statuses().values()] == ["completed", "completed"]
    assert [status.streams["train"].records for status in statuses().values()] == [1, 1]
    assert (tmp_path / "here").read_text() == "xx"


@pytest.mark.parametrize("jobs", [None, 1])
def test_a_run_whose_directory_is_removed_fails_and_the_next_one_does_not(declared, statuses, jobs, capfd):
    declared("""
        import shutil
        @typedxp.experiment
        def train(run, seed: int = 0):
            run.log(loss=1.0)
            if seed == 1:
                shutil.rmtree(run.directory)
    """).sweep({"seed": [1, 2]}, xp={"jobs": jobs})

    assert {number: status.status for number, status in statuses().items()} == {2: "completed"}
    assert "run 1 failed: " in capfd.readouterr().err


def test_runs_leave_the_process_as_it_was(declared, tmp_path):
    import logging
    import os
    import random
    import signal
    import sys

    train = declared("""
        @typedxp.experiment
        def train(run, seed: int = 0):
            run.log(loss=1.0)
    """)
    train.run(xp={"logs": "first"})
    random.seed(1)

    def state():
        return {
            "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
            "path": list(sys.path),
            "argv": list(sys.argv),
            "cwd": Path.cwd(),
            "environment": dict(os.environ),
            "logging": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
            "random": random.getstate(),
            "hooks": (sys.excepthook, sys.stdout, sys.stderr),
        }

    before = state()
    train.sweep({"seed": range(3)})

    assert state() == before


def test_a_user_of_hydra_in_the_same_process_is_not_disturbed(declared):
    from hydra import compose, initialize
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import OmegaConf

    train = declared("""
        @typedxp.experiment
        def train(run, lr: float = 0.1): ...
    """)
    ConfigStore.instance().store(name="mine", node={"a": 1})
    try:
        with initialize(version_base=None, config_path=None):
            own = GlobalHydra.instance().hydra
            train.sweep({"lr": [1, 2]})

            assert GlobalHydra.instance().hydra is own
            assert OmegaConf.to_container(compose("mine", overrides=["a=2"])) == {"a": 2}
        assert not GlobalHydra.instance().is_initialized()
        train.run()
        assert not GlobalHydra.instance().is_initialized()
        with initialize(version_base=None, config_path=None):
            assert compose("mine").a == 1
    finally:
        ConfigStore.instance().repo.pop("mine.yaml")


def test_a_thousand_runs_here_are_all_there(declared, statuses):
    train = declared("""
        @typedxp.experiment
        def train(run, seed: int = 0):
            run.log(loss=seed / 2)
    """)
    handles = train.sweep({"seed": range(1000)})

    assert len(handles) == 1000
    found = statuses()
    assert list(found) == list(range(1, 1001))
    assert {status.status for status in found.values()} == {"completed"}
    record = json.loads((handles[999].directory / "metrics" / "train.jsonl").read_text())
    assert (record["loss"], list(record)) == (499.5, ["loss", "_time"])
