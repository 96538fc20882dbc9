"""A run whose process is gone is found out; one that may be alive is left alone. What the machine does is sampled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from typedxp.errors import ExecutionError
from typedxp.stages.execute import liveness
from typedxp.stages.execute.liveness import heartbeat, lost, mark_lost
from typedxp.stages.execute.monitor import Meter, monitored
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.processes import process_start
from typedxp.vocabulary.records import RunStatus, Status

HERE = os.uname().nodename
SCRIPT = """
import os, time
from pathlib import Path
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    run.log(seed=seed)
    Path(f"new.{run.id}").write_text(str(os.getpid()))
    os.replace(f"new.{run.id}", f"pid.{run.id}")
    time.sleep(60)

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "1").mkdir()
    return RunDirectory(tmp_path / "1")


def running(directory, **changes):
    status = Status(
        RunStatus.RUNNING,
        host=HERE,
        pid=os.getpid(),
        pid_start=process_start(os.getpid()),
        start="2026-01-01T00:00:00.000+00:00",
        attempt=1,
    )
    status = replace(status, **changes)
    directory.write_status(status)
    return status


def silent(directory, seconds):
    at = time.time() - seconds
    os.utime(directory.status_file, (at, at))


def test_a_run_that_was_killed_is_lost_and_never_completed(launched, statuses, shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    process = launched("seed=1,2")
    assert "1  running" in shell("typedxp status 1")

    os.kill(process.pid, signal.SIGKILL)
    # Nobody has asked yet how it ended: there is a zombie of that number.
    said = shell("typedxp status")

    assert f"lost            1  {statuses()[1].start[:10]}" in said
    assert f"Process {process.pid} on {HERE} is gone, and did not say how the run ended." in said
    assert "     2  planned         0" in said
    status = statuses()[1]
    assert (status.status, status.attempt, status.failure) == ("lost", 1, None)
    assert status.start <= status.end
    process.wait()
    assert shell("typedxp status") == said


def test_a_worker_whose_launcher_was_killed_goes_on(launched, statuses, shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    process = launched("-j", "1")
    process.kill()
    process.wait()

    assert "1  running" in shell("typedxp status")
    os.kill(int((tmp_path / "pid.1").read_text()), signal.SIGTERM)
    time.sleep(0.5)
    assert "1  cancelled" in shell("typedxp status")


def test_a_process_of_the_same_number_is_another_one(directory):
    status = running(directory, pid_start="1")

    assert lost(directory, status) == f"Process {os.getpid()} on {HERE} is gone, and did not say how the run ended."
    assert lost(directory, running(directory)) is None
    assert lost(directory, running(directory, pid=None)) is None
    assert lost(directory, running(directory, status=RunStatus.COMPLETED, pid=2**22 + 1)) is None


def test_the_start_of_a_process_is_known_whatever_it_is_called(tmp_path):
    program = tmp_path / "a ) b ("
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(program), "60"])
    try:
        time.sleep(0.1)
        assert process_start(process.pid).isdigit()
        assert int(process_start(process.pid)) >= int(process_start(os.getpid()))
    finally:
        process.kill()
    time.sleep(0.1)
    assert process_start(process.pid) is None, "a zombie runs no more"
    process.wait()
    assert process_start(process.pid) is None


@pytest.mark.parametrize(
    ("seconds", "gone"), [(0, False), (liveness.PATIENCE - 30, False), (liveness.PATIENCE + 30, True)]
)
def test_a_run_on_another_machine_is_lost_after_a_long_silence(directory, seconds, gone):
    status = running(directory, host="elsewhere", pid=1)
    silent(directory, seconds)

    cause = "elsewhere has given no sign of life for 6 minutes." if gone else None
    assert lost(directory, status) == cause
    marked = mark_lost(directory, status)
    assert marked == directory.read_status()
    assert (marked.status, marked.cause) == (("lost", cause) if gone else ("running", None))


def test_a_clock_that_was_set_back_loses_no_run(directory, shell, tmp_path):
    status = running(directory, host="elsewhere", start="2100-01-01T00:00:00.000+00:00")
    silent(directory, -86_400)

    assert mark_lost(directory, status).status == "running"


def test_a_run_that_has_just_said_how_it_ended_is_not_lost(directory):
    status = running(directory, pid_start="1")
    ended = replace(status, status=RunStatus.COMPLETED, end="2026-01-01T00:00:01.000+00:00")
    directory.write_status(ended)

    assert mark_lost(directory, status) == directory.read_status() == ended


def test_the_heart_beats_during_a_run_only(directory, monkeypatch):
    monkeypatch.setattr(liveness, "BEAT", 0.02)
    running(directory)
    content = directory.status_file.read_bytes()
    silent(directory, 1000)
    with heartbeat(directory):
        deadline = time.monotonic() + 10
        while directory.status_file.stat().st_mtime < time.time() - 100:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    time.sleep(0.1)
    silent(directory, 1000)
    time.sleep(0.1)

    assert directory.status_file.stat().st_mtime < time.time() - 100
    assert directory.status_file.read_bytes() == content


def test_what_a_run_used_is_in_its_status(declared, statuses):
    declared("""
        import time
        @typedxp.experiment
        def train(run, seconds: float = 0.0):
            end = time.process_time() + 0.3
            while time.process_time() < end:
                pass
            time.sleep(0.2)
    """).run()

    usage = statuses()[1].usage
    assert usage.wall >= 0.5
    assert 0.25 <= usage.user + usage.system <= usage.wall
    assert 10_000_000 < usage.peak_memory < 100_000_000_000


def test_a_failed_run_has_its_usage_too(declared, statuses, capfd):
    declared("""
        @typedxp.experiment
        def train(run):
            raise MemoryError
    """).run()

    assert (statuses()[1].status, statuses()[1].cause) == ("out_of_memory", "MemoryError")
    assert statuses()[1].usage.wall >= 0
    capfd.readouterr()


def test_the_machine_is_sampled_until_the_end_of_the_run(declared, statuses, run_directory):
    declared("""
        import threading, time
        @typedxp.experiment
        def train(run):
            run.log(threads=threading.active_count())
            time.sleep(0.5)
    """).run(xp={"monitor": 0.1})

    records = [json.loads(line) for line in run_directory(1).stream("system").read_text().splitlines()]
    assert 3 <= len(records) <= 6
    for record in records:
        assert {"cpu_percent", "memory_mib", "machine_cpu_percent", "machine_memory_mib", "_time"} <= set(record)
        assert 1 < record["memory_mib"] < record["machine_memory_mib"]
        assert 0 <= record["machine_cpu_percent"] <= 100
    assert statuses()[1].streams["system"].records == len(records)
    time.sleep(0.3)
    assert len(run_directory(1).stream("system").read_text().splitlines()) == len(records)


def test_a_typed_run_need_not_declare_the_samples(declared, statuses):
    declared("""
        import time
        class Metrics(typedxp.Metrics):
            loss: float
        @typedxp.experiment
        def train(run: typedxp.Run[Metrics]):
            run.log(loss=1.0)
            time.sleep(0.1)
    """).run(xp={"monitor": 0.05})

    assert statuses()[1].cause is None
    assert statuses()[1].streams["system"].records >= 1


def test_samples_that_cannot_be_recorded_are_not_the_runs_failure(declared, statuses, tmp_path, capfd):
    declared("""
        import shutil, time
        @typedxp.experiment
        def train(run):
            shutil.rmtree(run.directory / "metrics", ignore_errors=True)
            (run.directory / "metrics").touch()
            time.sleep(0.1)
            (run.directory / "metrics").unlink()
    """).run(xp={"monitor": 0.02})

    assert statuses()[1].cause is None
    assert "Traceback" not in capfd.readouterr().err


def test_a_monitor_without_psutil_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)

    with pytest.raises(ExecutionError, match=r"pip install 'typedxp\[monitor\]'"), monitored(1, lambda sample: None):
        raise AssertionError("not executed")


def test_a_meter_counts_children_that_have_ended():
    meter = Meter()
    code = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", code], check=True)

    usage = meter.read()
    assert usage.user + usage.system >= 0.25
    assert usage.wall >= 0.25
