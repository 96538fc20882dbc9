"""A disk that is full, really: a few kilobytes of memory are the disk."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from typedxp.errors import RecordError
from typedxp.stages.record import Run
from typedxp.store.store import Store
from typedxp.store.streams import parse

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs to mount a small disk: run the tests as root")

SCRIPT = """
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, big: bool = False, seed: int = 0) -> None:
    run.log(loss=0.5)
    if big:
        for _ in range(100_000):
            run.log(loss=0.5, text="x" * 1000)

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def disk(tmp_path):
    """Mount an empty disk of so many kilobytes, and no more than 4,000 files."""
    path = tmp_path / "disk"
    path.mkdir()

    def mount(kilobytes: int) -> Path:
        options = f"size={kilobytes}k,nr_inodes=4000"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("needs to mount a small disk: run the tests with the capability SYS_ADMIN")
        return path

    yield mount
    subprocess.run(["umount", str(path)], capture_output=True, check=False)


@pytest.mark.parametrize("jobs", ["", "-j 2"])
def test_allocating_on_a_disk_that_becomes_full_leaves_nothing_behind(shell, disk, tmp_path, jobs):
    (tmp_path / "train.py").write_text(SCRIPT)
    path = disk(128)

    said = shell(f"python train.py 'seed=range(100)' xp.logs=disk/logs {jobs}", code=2)

    assert said.endswith("typedxp: No runs can be made in disk/logs: No space left on device.\n")
    assert list(path.iterdir()) == []


@pytest.mark.parametrize("jobs", ["", "-j 1"])
def test_a_run_that_fills_the_disk_fails_and_what_was_logged_is_intact(shell, disk, tmp_path, jobs):
    (tmp_path / "train.py").write_text(SCRIPT)
    path = disk(1024)

    said = shell(f"python train.py big=false,true seed=1 xp.logs=disk/logs {jobs}", code=1)

    assert "run 1 completed" in said
    assert "run 2 failed" in said
    assert "No space left on device" in said
    runs = {run.id: run for run in Store(path / "logs").runs()}
    assert runs[1].read_status().status == "completed"
    assert runs[2].read_status().status == "failed"
    records, damaged = parse(runs[2].stream("train").read_bytes())
    assert damaged == 0
    assert len(records) > 500
    assert {record["loss"] for record in records} == {0.5}


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
