"""Ctrl-C, for real: every run says how it ended, and no process is left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

SCRIPT = """
import os, sys, time
from pathlib import Path
import typedxp

def rest():
    # By steps: Python does not notice a signal that comes in the instant in which it falls asleep.
    for _ in range(600):
        time.sleep(0.1)

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0, stubborn: bool = False) -> None:
    run.log(seed=seed)
    Path(f"new.{run.id}").write_text(str(os.getpid()))
    os.replace(f"new.{run.id}", f"pid.{run.id}")
    while True:
        try:
            rest()
        except KeyboardInterrupt:
            if not stubborn:
                raise

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture(autouse=True)
def script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)


def alive(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


def press_ctrl_c(process, *, times=1):
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.1)


@pytest.mark.parametrize("jobs", [0, 2])
@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_cancels_what_runs_and_what_was_to_run(launched, statuses, tmp_path, jobs, times):
    running = max(1, jobs)
    process = launched("seed=range(5)", *(["-j", str(jobs)] if jobs else []), running=running)

    press_ctrl_c(process, times=times)

    # The last of three may strike when Python is shutting down already, and end it: to a shell, that is 130 as well.
    assert process.wait(timeout=40) in ((130,) if times == 1 else (130, -signal.SIGINT))
    found = statuses()
    assert [status.status for status in found.values()] == ["cancelled"] * 5
    assert {status.cause for number, status in found.items() if number > running} == {
        "not started, since the sweep was interrupted"
    }
    said = process.stderr.read()
    if times == 1:
        assert "typedxp: interrupted" in said
        assert {found[number].cause for number in range(1, running + 1)} == {"interrupted"}
        assert [found[number].streams["train"].records for number in range(1, running + 1)] == [1] * running
    assert not any(map(alive, tmp_path.glob("pid.*")))


def test_a_second_ctrl_c_kills_workers_that_do_not_listen(launched, statuses, tmp_path):
    process = launched("seed=range(3)", "stubborn=true", "-j", "2", running=2)

    press_ctrl_c(process)
    time.sleep(0.5)
    assert process.poll() is None
    press_ctrl_c(process)

    assert process.wait(timeout=8) == 130
    found = statuses()
    assert [status.status for status in found.values()] == ["cancelled"] * 3
    assert found[1].cause == "The worker was ended by signal 9 (SIGKILL)."
    assert not any(map(alive, tmp_path.glob("pid.*")))
    process.stderr.read()


def test_a_signal_that_ends_a_worker_from_outside_does_not_end_the_others(launched, statuses, tmp_path):
    process = launched("seed=1,2", "-j", "2", running=2)

    for pid in tmp_path.glob("pid.*"):
        os.kill(int(pid.read_text()), signal.SIGTERM)

    assert process.wait(timeout=40) == 1
    found = {(status.status, status.signal, status.exit_code, status.cause) for status in statuses().values()}
    assert found == {("cancelled", signal.SIGTERM, 128 + signal.SIGTERM, "stopped by SIGTERM")}
    process.stderr.read()
