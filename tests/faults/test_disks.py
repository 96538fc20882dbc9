"""Disks that are full (really) or read-only, and directories that vanish or are another's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from typedxp.errors import RecordError
from typedxp.results.open import open_results
from typedxp.stages.record import Run
from typedxp.store.store import Store
from typedxp.store.streams import parse

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs to mount a small disk: run the tests as root")

SCRIPT = """
import os, sys, shutil
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, fill: str = "", seed: int = 0) -> None:
    run.log(loss=0.5)
    run.log_checkpoint({"seed": seed})
    big = os.urandom(1 << 22)
    if fill == "metrics":
        while True:
            run.log(text="x" * 1000)
    if fill == "checkpoint":
        run.log_checkpoint(big)
    if fill == "artifact":
        run.log_artifact(big.hex(), "big.txt")
    if fill == "output":
        while True:
            print("x" * 1000)
    run.log(loss=0.25)

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def disk(tmp_path):
    """Mount an empty disk of so many kilobytes, and no more than 4,000 files."""
    path = tmp_path / "disk"
    path.mkdir()

    def mount(kilobytes):
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,nr_inodes=4000", "tmpfs", str(path)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs to mount a small disk: run the tests with the capability SYS_ADMIN")
        return path

    yield mount
    subprocess.run(["umount", str(path)], capture_output=True, check=False)


@pytest.fixture(autouse=True)
def script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)


@needs_root
@pytest.mark.parametrize("jobs", ["", "-j 2"])
def test_allocating_on_a_disk_that_becomes_full_leaves_nothing_behind(shell, disk, jobs):
    path = disk(128)

    said = shell(f"python train.py 'seed=range(100)' xp.logs=disk/logs {jobs}", code=2)

    assert said.endswith("typedxp: No runs can be made in disk/logs: No space left on device.\n")
    assert list(path.iterdir()) == []


@needs_root
@pytest.mark.parametrize("jobs", ["", "-j 1"])
@pytest.mark.parametrize("fill", ["checkpoint", "artifact"])
def test_what_finds_no_room_fails_its_run_and_leaves_the_room_to_the_others(shell, disk, fill, jobs):
    store = Store(disk(2048) / "logs")

    said = shell(f"python train.py fill={fill},no xp.logs=disk/logs {jobs}", code=1)

    assert "No space left on device" in said
    first, second = store.runs()
    status = first.read_status()
    assert (status.status, status.failure.type) == ("failed", "RecordError")
    assert "No space left on device" in status.cause
    assert [record["loss"] for record in parse(first.stream("train").read_bytes())[0]] == [0.5]
    assert Run(first.path).load_checkpoint() == {"seed": 0}
    assert second.read_status().status == "completed"


@needs_root
@pytest.mark.parametrize("jobs", ["", "-j 1"])
@pytest.mark.parametrize("fill", ["metrics", "output"])
def test_on_a_full_disk_a_run_is_still_said_to_have_failed(shell, disk, fill, jobs):
    store = Store(disk(2048) / "logs")

    said = shell(f"python train.py fill=no,{fill} xp.logs=disk/logs {jobs}", code=1)

    assert "run 1 completed" in said
    assert "run 2 failed" in said
    first, second = store.runs()
    assert first.read_status().status == "completed"
    status = second.read_status()
    assert status.status == "failed"
    assert "No space left on device" in status.cause
    records, damaged = parse(second.stream("train").read_bytes())
    assert damaged == 0
    assert records[0]["loss"] == 0.5
    assert len(records) > (500 if fill == "metrics" else 0)
    assert [record["text"] for record in records[1:]] == ["x" * 1000] * (len(records) - 1)
    assert Run(second.path).load_checkpoint() == {"seed": 0}
    assert open_results(store.path)["train.loss"].sel(fill="no").count() == 2


@needs_root
def test_a_stream_goes_on_when_there_is_room_again(disk):
    path = disk(64)
    run = Run(path, None, id=1)
    filler = path / "filler"
    run.log(step=0)
    subprocess.run(["cp", "/dev/zero", str(filler)], capture_output=True, check=False)
    with pytest.raises(RecordError, match=r"train\.jsonl cannot be written: No space left on device\."):
        run.log(step=1, text="x" * 6000)
    filler.unlink()
    run.log(step=2)

    records, _ = parse((path / "metrics" / "train.jsonl").read_bytes())
    assert [record["step"] for record in records] == [0, 2]
    assert run.close()["train"].records == 2


@needs_root
def test_a_read_only_directory_is_refused_for_runs_and_good_for_reading(shell, disk, launch_and_kill):
    path = disk(4096)
    shell("python train.py xp.logs=disk/logs")
    launch_and_kill("xp.logs=disk/logs")
    subprocess.run(["mount", "-o", "remount,ro", str(path)], check=True)

    assert shell("python train.py xp.logs=disk/logs", code=2) == (
        "typedxp: disk/logs cannot be written. Choose another directory for the runs: xp.logs=DIR.\n"
    )
    assert shell("python train.py xp.logs=disk/new", code=2).startswith("typedxp: disk/new cannot be made: ")
    assert open_results(path / "logs")["train.loss"].count() >= 2
    said = shell("python -m typedxp status --logs disk/logs")
    assert "1  completed" in said
    assert "2  lost" in said
    assert "2/status.json cannot be brought up to date: " in said


@pytest.fixture
def launch_and_kill(tmp_path):
    def launch(*arguments):
        (tmp_path / "kill.py").write_text(SCRIPT.replace("run.log(loss=0.25)", "os.kill(os.getpid(), 9)"))
        killed = subprocess.run([sys.executable, "kill.py", *arguments], cwd=tmp_path, check=False, capture_output=True)
        assert killed.returncode == -9

    return launch


def test_a_directory_that_is_removed_during_a_run_does_not_come_back(tmp_path):
    (tmp_path / "1").mkdir()
    run = Run(tmp_path / "1")
    run.log(loss=1)
    run.log_checkpoint("state")
    shutil.rmtree(tmp_path / "1")

    for log in (
        lambda: run.log("other", loss=1),
        lambda: run.log_checkpoint("state"),
        lambda: run.log_artifact("text", "a.txt"),
    ):
        with pytest.raises(RecordError, match="No such file or directory"):
            log()
    assert not (tmp_path / "1").exists()


@pytest.mark.parametrize("jobs", ["", "-j 2"])
def test_directories_of_somebody_else_are_left_alone(shell, tmp_path, jobs):
    shell("python train.py")
    logs = tmp_path / "logs"
    (logs / "2").mkdir()
    (logs / "2" / "notes.txt").write_text("mine")
    (logs / "3").write_text("a file")
    (logs / "4").symlink_to("nowhere")
    (logs / "007").mkdir()
    (logs / "five").mkdir()

    shell(f"python train.py seed=1,2 {jobs}")

    assert [run.id for run in Store(logs).runs()] == [1, 5, 6]
    assert [path.name for path in (logs / "2").iterdir()] == ["notes.txt"]
    assert (logs / "3").read_text() == "a file"
    assert [row["id"] for row in json.loads(shell("python -m typedxp status --json"))] == [1, 5, 6]
    assert open_results(logs).sizes["seed"] == 3


def test_an_id_that_somebody_takes_between_looking_and_making_is_passed_over(tmp_path, monkeypatch):
    for name in ("1", "3"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(Store, "ids", lambda self: [])

    assert [run.id for run in Store(tmp_path).allocate(3)] == [2, 4, 5]
