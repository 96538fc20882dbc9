"""A run that was killed goes on where it stopped, in its own directory; what must not go on is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from typedxp.results.open import open_results
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus

SCRIPT = """
import os, signal, sys, time
from pathlib import Path
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0, epochs: int = 6, saving: bool = True, die: bool = True) -> None:
    state = run.load_checkpoint({"epoch": 0})
    for epoch in range(state["epoch"], epochs):
        run.log_metrics({"seed": seed}, step=epoch)
        if die and epoch == 3 and not run.resumed and run.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if saving and epoch % 2:
            run.log_checkpoint({"epoch": epoch + 1})
    run.log("end", attempt=run.attempt, resumed=run.resumed, start=state["epoch"])

@typedxp.experiment
def other(run: typedxp.Run) -> None: ...

if __name__ == "__main__":
    (other if sys.argv[0].endswith("other.py") else train).main()
"""


@pytest.fixture(autouse=True)
def script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "other.py").write_text(SCRIPT)


@pytest.fixture
def killed(tmp_path):
    """Have a run killed in the middle."""

    def launch(*arguments):
        done = subprocess.run(
            [sys.executable, "train.py", *arguments], cwd=tmp_path, check=False, capture_output=True, timeout=60
        )
        assert done.returncode == -signal.SIGKILL or "-j" in arguments

    return launch


def steps(directory, stream="train"):
    return [json.loads(line)["step"] for line in directory.stream(stream).read_text().splitlines()]


@pytest.mark.parametrize("typed", ["xp.resume=1", "xp.resume=unfinished", "xp.resume=[1]", "xp.resume=1 -j 2"])
def test_a_killed_run_goes_on_from_its_checkpoint(shell, killed, tmp_path, typed):
    killed()
    run = Store(tmp_path / "logs").run(1)
    assert steps(run) == [0, 1, 2, 3]

    said = shell(f"python train.py {typed}")

    assert "Going on with 1 run: 1." in said
    assert "run 1 completed" in said
    status = run.read_status()
    assert (status.status, status.attempt) == ("completed", 2)
    assert steps(run) == [0, 1, 2, 3, 4, 5]
    superseded = (run.metrics / "superseded" / "1" / "train.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in superseded] == [2, 3]
    end = json.loads(run.stream("end").read_text())
    assert (end["attempt"], end["resumed"], end["start"]) == (2, True, 2)
    assert status.streams["train"].records == 6
    assert [path.name for path in (tmp_path / "logs").glob("[0-9]*")] == ["1"]
    assert open_results(tmp_path / "logs")["train.step"].values.ravel().tolist() == [0, 1, 2, 3, 4, 5]


def test_killed_workers_and_those_never_started_go_on_together(shell, killed, tmp_path):
    killed("seed=range(3)", "-j", "2")
    killed("seed=range(2)")
    store = Store(tmp_path / "logs")
    assert [run.read_status().status for run in store.runs()] == ["failed"] * 3 + ["running", "planned"]

    said = shell("python train.py xp.resume=unfinished -j 2", code=1)

    assert "Going on with 5 runs: 1, 2, 3, 4, 5." in said
    # The last one was started for the first time, and dies as it was made to.
    assert [run.read_status().status for run in store.runs()] == ["completed"] * 4 + ["failed"]
    assert [steps(run) for run in store.runs()][:4] == [[0, 1, 2, 3, 4, 5]] * 4
    assert [run.read_status().attempt for run in store.runs()] == [2, 2, 2, 2, 1]
    assert "Going on with 1 run: 5." in shell("python train.py xp.resume=unfinished")
    assert "There is no run to go on with." in shell("python train.py xp.resume=unfinished")


def test_without_a_checkpoint_a_run_starts_from_scratch_and_its_records_are_set_aside(shell, killed, tmp_path):
    killed("saving=false")
    run = Store(tmp_path / "logs").run(1)

    shell("python train.py xp.resume=1")

    assert steps(run) == [0, 1, 2, 3, 4, 5]
    assert (run.metrics / "superseded" / "1" / "train.jsonl").read_text().count("\n") == 4
    end = json.loads(run.stream("end").read_text())
    assert (end["attempt"], end["resumed"], end["start"]) == (2, False, 0)


def test_a_torn_checkpoint_is_passed_over_with_a_warning_and_no_record_is_doubled(shell, killed, tmp_path):
    killed()
    run = Store(tmp_path / "logs").run(1)
    shell("python train.py xp.resume=1 -n")
    shell("python -c \"from typedxp.stages.record import Run; run = Run('logs/1'); run.log_checkpoint({'epoch': 99})\"")
    state = run.path / "checkpoints" / "2" / "state.pkl"
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)

    said = shell("python train.py xp.resume=1")

    assert "Checkpoint 2 in" in said
    assert "is not whole, and is passed over." in said
    assert steps(run) == [0, 1, 2, 3, 4, 5]
    assert run.read_status().status == "completed"


def test_a_dry_run_says_what_would_go_on_and_changes_nothing(shell, killed, tmp_path):
    killed()
    shell("python -m typedxp status")
    before = {path: path.read_bytes() for path in (tmp_path / "logs").rglob("*") if path.is_file()}

    assert shell("python train.py xp.resume=unfinished -n") == "Going on with 1 run: 1.\n"
    assert {path: path.read_bytes() for path in (tmp_path / "logs").rglob("*") if path.is_file()} == before


def test_what_must_not_go_on_is_refused(shell, killed, tmp_path):
    shell("python train.py die=false && python other.py")
    killed()

    assert shell("python train.py xp.resume=1", code=2) == "typedxp: xp.resume: Run 1 is completed.\n"
    assert shell("python train.py xp.resume=2", code=2) == ("typedxp: xp.resume: Run 2 is of the experiment other.\n")
    assert shell("python train.py xp.resume=9", code=2) == "typedxp: There is no run 9 in logs.\n"
    assert shell("python train.py xp.resume=[1,2,3]", code=2) == (
        "typedxp: xp.resume: Run 1 is completed. Run 2 is of the experiment other.\n"
    )
    said = shell("python train.py xp.resume=3 seed=5", code=2)
    assert said == "typedxp: xp.resume goes on with runs as they were planned: leave out seed=5.\n"
    assert "xp.resume" in shell("python train.py xp.resume=soon", code=2)
    assert "xp.resume" in shell("python train.py xp.resume=0", code=2)
    assert shell("python train.py xp.resume=3 xp.logs=elsewhere", code=2).startswith("typedxp: There is no")
    assert Store(tmp_path / "logs").run(3).read_status().attempt == 1


def test_a_run_that_is_running_is_refused_and_left_out(shell, tmp_path):
    slow = SCRIPT.replace("run.log(", 'Path("here").touch(); time.sleep(60); run.log(')
    (tmp_path / "train.py").write_text(slow)
    process = subprocess.Popen([sys.executable, "train.py", "die=false"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        while not (tmp_path / "here").exists():
            time.sleep(0.02)
        assert shell("python train.py xp.resume=1", code=2) == "typedxp: xp.resume: Run 1 is running.\n"
        assert "There is no run to go on with" in shell("python train.py xp.resume=unfinished")
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("jobs", [[], ["-j", "1"]])
def test_runs_that_another_launcher_will_come_to_are_made_once(shell, tmp_path, jobs):
    (tmp_path / "train.py").write_text("""
import os, time
from pathlib import Path
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    run.log(pid=os.getpid())
    Path("here").touch()
    while not Path(f"go.{seed}").exists():
        time.sleep(0.02)

if __name__ == "__main__":
    train.main()
""")
    (tmp_path / "go.2").touch()
    first = subprocess.Popen(
        [sys.executable, "train.py", "seed=1,2", *jobs], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "here").exists():
        time.sleep(0.02)

    assert "run 2 completed" in shell("python train.py xp.resume=unfinished")
    (tmp_path / "go.1").touch()

    said = first.communicate(timeout=30)[1]
    assert "run 1 completed" in said
    assert ("Run 2 was executed by another process: it is completed." in said) == (not jobs)
    assert "run 2 completed" in said
    run = Store(tmp_path / "logs").run(2)
    assert (run.read_status().status, run.read_status().attempt) == ("completed", 1)
    assert len(run.stream("train").read_text().splitlines()) == 1
    assert not (run.metrics / "superseded").exists()


def test_secrets_and_a_schema_that_has_changed_are_refused(shell, tmp_path):
    (tmp_path / "train.py").write_text("""
import typedxp
from pydantic import SecretStr

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0, token: SecretStr = SecretStr("")) -> None:
    raise ValueError("fails")

if __name__ == "__main__":
    train.main()
""")
    shell("python train.py token=s3cret", code=1)

    assert "Run 1 needs secrets that are not written down: token." in shell("python train.py xp.resume=1", code=2)
    text = (tmp_path / "train.py").read_text().replace(', token: SecretStr = SecretStr("")', "")
    (tmp_path / "train.py").write_text(text)
    shell("python train.py", code=1)
    (tmp_path / "train.py").write_text(text.replace("seed: int = 0", "seeds: int = 0"))
    said = shell("python train.py xp.resume=2", code=2)
    assert "Traceback" not in said
    assert "seed" in said


def test_a_stopped_run_goes_on_too(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT.replace("signal.SIGKILL", "signal.SIGTERM"))
    shell("python train.py", code=143)
    run = Store(tmp_path / "logs").run(1)
    assert run.read_status().status == "cancelled"

    shell("python train.py xp.resume=1")

    assert steps(run) == [0, 1, 2, 3, 4, 5]
    assert [path.name for path in (run.metrics / "superseded").iterdir()] == ["1"]


def test_a_run_that_waits_in_a_queue_is_left_to_its_job(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    shell("python train.py", code=-signal.SIGKILL)
    run = Store(tmp_path / "logs").run(1)
    run.write_status(replace(run.read_status(), status=RunStatus.SUBMITTED))

    assert "There is no run to go on with." in shell("python train.py xp.resume=unfinished")
    assert "Run 1 is submitted." in shell("python train.py xp.resume=1", code=2)
