"""Signals ask a run to stop: by real processes, here and in workers. It ends with the right words, or saves first."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest

from typedxp.stages.execute.signals import GRACE, armed, stop_signals
from typedxp.vocabulary.stopping import Stopped, StopSwitch

SCRIPT = """
import os, sys, time
from pathlib import Path
import typedxp

def rest():
    # By steps: Python does not notice a signal that comes in the instant in which it falls asleep.
    for _ in range(600):
        time.sleep(0.1)

def ready(run):
    Path(f"new.{run.id}").write_text(str(os.getpid()))
    os.replace(f"new.{run.id}", f"pid.{run.id}")

def refuse(request):
    raise ValueError("this callback fails")

@typedxp.experiment
def train(run: typedxp.Run, how: str = "sleep", seed: int = 0) -> None:
    run.log(seed=seed)
    match how:
        case "sleep":
            ready(run)
            rest()
        case "look":
            assert run.stopping is None
            ready(run)
            while run.stopping is None:
                time.sleep(0.01)
            run.log("stopped", signal=run.stopping.name, seconds_left=run.stopping.seconds_left)
            run.log_checkpoint({"seed": seed})
        case "look once":
            assert run.stopping is None
            ready(run)
            time.sleep(1)
        case "callbacks":
            run.on_stop(refuse)
            run.on_stop(lambda request: run.log_checkpoint(request.name))
            ready(run)
            rest()
        case "checkpoints":
            run.on_stop(lambda request: run.log_checkpoint("last"))
            while True:
                run.log_checkpoint("x" * 1_000_000)
                if not Path(f"pid.{run.id}").exists():
                    ready(run)
        case "swallow":
            try:
                ready(run)
                rest()
            except BaseException:
                pass
        case "exit":
            try:
                ready(run)
                rest()
            finally:
                sys.exit(0)
        case "break":
            try:
                ready(run)
                rest()
            finally:
                raise RuntimeError("while cleaning up")
        case "stubborn":
            ready(run)
            while True:
                try:
                    rest()
                except BaseException as error:
                    run.log("caught", name=type(error).__name__)
                    if isinstance(error, KeyboardInterrupt) and seed:
                        raise

if __name__ == "__main__":
    train.main()
"""

WORDS = {
    signal.SIGTERM: "cancelled",
    signal.SIGINT: "cancelled",
    signal.SIGUSR1: "preempted",
    signal.SIGUSR2: "preempted",
}


@pytest.fixture(autouse=True)
def script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)


def records(directory, stream):
    return [json.loads(line) for line in directory.stream(stream).read_text().splitlines()]


@pytest.mark.parametrize("number", WORDS)
def test_a_run_that_does_nothing_about_it_ends_with_the_right_word_signal_and_exit_code(launched, statuses, number):
    process = launched("seed=1,2")

    process.send_signal(number)

    assert process.wait(timeout=40) == 128 + number
    first, second = statuses().values()
    assert (first.status, first.signal, first.failure) == (WORDS[number], number, None)
    assert first.cause == ("interrupted" if number == signal.SIGINT else f"stopped by {number.name}")
    assert first.streams["train"].records == 1
    assert (second.status, second.cause) == ("cancelled", "not started, since the sweep was interrupted")
    said = process.stderr.read()
    assert "Traceback" not in said
    assert ("interrupted" if number == signal.SIGINT else f"stopped by {number.name}") in said


@pytest.mark.parametrize("number", WORDS)
def test_a_launcher_passes_a_signal_on_to_its_workers(launched, statuses, number, tmp_path, wait_until):
    process = launched("seed=range(3)", "-j", "2", running=2)

    process.send_signal(number)

    assert process.wait(timeout=40) == 128 + number
    found = statuses()
    assert [status.status for status in found.values()] == [WORDS[number], WORDS[number], "cancelled"]
    assert [(status.signal, status.exit_code) for status in found.values()][:2] == [(number, 128 + number)] * 2
    for file in tmp_path.glob("pid.*"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.read_text()), 0)


@pytest.mark.parametrize("jobs", [[], ["-j", "1"]])
def test_a_run_that_looks_stops_by_itself_and_knows_the_seconds_left(launched, statuses, run_directory, jobs):
    process = launched("how=look", *jobs)

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=40) == 128 + signal.SIGTERM
    status = statuses()[1]
    assert (status.status, status.signal, status.cause) == ("cancelled", signal.SIGTERM, "stopped by SIGTERM")
    [said] = records(run_directory(1), "stopped")
    assert said["signal"] == "SIGTERM"
    if jobs:
        assert 0 < said["seconds_left"] <= 10
    else:
        assert said["seconds_left"] is None
    assert (run_directory(1).path / "checkpoints" / "1" / "state.pkl").exists()


def test_a_run_that_completed_without_knowing_of_the_request_is_completed_and_the_sweep_ends(launched, statuses):
    process = launched("how='look once'", "seed=1,2")

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=40) == 128 + signal.SIGTERM
    assert [status.status for status in statuses().values()] == ["completed", "cancelled"]


@pytest.mark.parametrize("jobs", [[], ["-j", "1"]])
def test_callbacks_are_told_and_one_that_raises_does_not_keep_it_from_the_others(
    launched, statuses, run_directory, jobs
):
    process = launched("how=callbacks", *jobs)

    process.send_signal(signal.SIGUSR1)

    assert process.wait(timeout=40) == 128 + signal.SIGUSR1
    assert (statuses()[1].status, statuses()[1].cause) == ("preempted", "stopped by SIGUSR1")
    assert "this callback fails" in run_directory(1).stderr.read_text()
    assert [path.name for path in (run_directory(1).path / "checkpoints").iterdir()] == ["1"]


def test_a_callback_may_save_a_checkpoint_while_another_one_is_being_saved(launched, statuses, run_directory):
    process = launched("how=checkpoints")

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=40) == 128 + signal.SIGTERM
    found = sorted((run_directory(1).path / "checkpoints").iterdir(), key=lambda path: path.name)
    assert not [path for path in found if path.name.startswith(".")]
    newest = max(found, key=lambda path: int(path.name))
    assert b"last" in (newest / "state.pkl").read_bytes()
    assert run_directory(1).stderr.read_text() == ""


@pytest.mark.parametrize(("how", "word"), [("swallow", "cancelled"), ("exit", "cancelled"), ("break", "failed")])
def test_code_that_hides_the_request_does_not_change_why_it_ended(launched, statuses, how, word):
    process = launched(f"how={how}", "seed=1,2")

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=40) == 128 + signal.SIGTERM
    first, second = statuses().values()
    assert (first.status, first.signal) == (word, signal.SIGTERM)
    assert first.cause == ("RuntimeError: while cleaning up" if how == "break" else "stopped by SIGTERM")
    assert second.status == "cancelled"
    process.stderr.read()


def test_a_second_ctrl_c_ends_a_run_that_does_not_listen_and_a_second_sigterm_does_not(
    launched, statuses, run_directory, wait_until
):
    process = launched("how=stubborn", "seed=1")
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: run_directory(1).stream("caught").exists())

    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=40) == 130
    assert [record["name"] for record in records(run_directory(1), "caught")] == ["Stopped", "KeyboardInterrupt"]
    assert (statuses()[1].status, statuses()[1].signal) == ("cancelled", signal.SIGINT)


def test_handlers_are_there_during_a_run_only_and_those_of_before_come_back(declared, statuses):
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        own = {number: signal.getsignal(number) for number in WORDS}
        declared("""
            import signal
            @typedxp.experiment
            def train(run):
                assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN, "nohup means it"
                assert callable(signal.getsignal(signal.SIGTERM))
        """).run()

        assert statuses()[1].cause is None

        assert {number: signal.getsignal(number) for number in WORDS} == own
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_outside_of_the_main_thread_runs_are_executed_without_handlers(declared, statuses):
    train = declared("""
        import signal
        @typedxp.experiment
        def train(run):
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            run.log(a=1)
    """)
    thread = threading.Thread(target=train.run)
    thread.start()
    thread.join()

    assert statuses()[1].status == "completed"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_children_do_not_inherit_what_a_signal_means(declared, statuses, run_directory, capfd):
    declared("""
        import multiprocessing, os, signal, time
        @typedxp.experiment
        def train(run):
            run.on_stop(lambda request: run.log_checkpoint("told in a child"))
            context = multiprocessing.get_context("fork")
            child = context.Process(target=time.sleep, args=(60,))
            child.start()
            child.terminate()
            child.join()
            run.log(exit_code=child.exitcode)
            with context.Pool(2) as pool:
                run.log(exit_code=sum(pool.map(abs, [-1, 1])))
    """).run()

    assert statuses()[1].cause is None
    assert [record["exit_code"] for record in records(run_directory(1), "train")] == [-signal.SIGTERM, 2]
    assert not (run_directory(1).path / "checkpoints").exists()
    assert run_directory(1).stderr.read_text() == ""
    capfd.readouterr()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_that_comes_back_does_not_record_how_the_run_ended(declared, statuses, capfd):
    declared("""
        import os
        @typedxp.experiment
        def train(run, seed: int = 0):
            if not (child := os.fork()):
                return
            _, status = os.waitpid(child, 0)
            run.log(code=os.waitstatus_to_exitcode(status))
    """).sweep({"seed": [1, 2]})

    assert {number: status.streams["train"].records for number, status in statuses().items()} == {1: 1, 2: 1}
    assert {status.pid for status in statuses().values()} == {os.getpid()}
    capfd.readouterr()


def test_a_request_from_before_the_code_starts_ends_it_and_one_from_after_it_does_not():
    switch = StopSwitch()
    with stop_signals(switch):
        os.kill(os.getpid(), signal.SIGUSR2)
        assert switch.request.signal == signal.SIGUSR2
        with pytest.raises(Stopped, match="stopped by SIGUSR2"), armed(switch):
            raise AssertionError("not executed")
    late = StopSwitch()
    with stop_signals(late):
        with armed(late):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        assert (late.request.name, late.noticed) == ("SIGTERM", False)


@pytest.mark.parametrize(("grace", "known"), [("5", True), ("soon", False), ("", False)])
def test_the_deadline_is_known_where_somebody_has_said_it(monkeypatch, grace, known):
    monkeypatch.setenv(GRACE, grace)
    switch = StopSwitch()
    with stop_signals(switch):
        os.kill(os.getpid(), signal.SIGTERM)

    left = switch.request.seconds_left
    assert (left is not None and 4 < left <= 5) if known else left is None
