"""The examples run as their first lines say, and what they print is right."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import typedxp
from typedxp.schedulers.registry import OURS, get_scheduler

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def digits(tmp_path):
    for file in (EXAMPLES / "digits").glob("*.py"):
        shutil.copy(file, tmp_path)
    return tmp_path


def records(file: Path) -> list[dict[str, Any]]:
    """Read a stream, without the times at which its records were logged."""
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert all(isinstance(record.pop("_time"), float) for record in found)
    return found


def test_hello_greets_whom_it_is_told(shell, tmp_path):
    printed = shell(f"python {EXAMPLES / 'hello.py'} name=you times=3")

    assert "Hello, you! Hello, you! Hello, you!" in printed
    assert records(tmp_path / "logs/1/metrics/train.jsonl") == [{"letters": 36}]


def test_hello_sweeps_by_a_comma(shell, tmp_path):
    shell(f"python {EXAMPLES / 'hello.py'} name=you,me times=1,2")

    letters = typedxp.open_results(tmp_path / "logs")["train.letters"].isel({"train.step": 0})
    assert letters.sel(name="me").values.tolist() == [11, 22]
    assert letters.sel(name="you").values.tolist() == [12, 24]


def test_digits_refuses_what_cannot_be_learned_from(shell, digits):
    printed = shell("python train.py optimizer.lr=-1 epochs=ten", code=2)

    assert "optimizer.lr = -1" in printed
    assert "epochs = 'ten'" in printed
    assert not (digits / "logs").exists()


def test_digits_are_read_and_averaged_over_seeds(shell, digits):
    shell("python train.py optimizer=sgd,adam optimizer.lr=0.01,0.03 'seed=range(2)' epochs=10 -j 2")
    printed = shell("python results.py")

    cells = [float(mean) for mean in re.findall(r"(0\.\d{3}) ± 0\.\d{3}", printed)]
    assert len(cells) == 4
    assert min(cells) > 0.9
    assert (digits / "logs/accuracy.png").stat().st_size > 10_000

    results = typedxp.open_results(digits / "logs")
    last = results["test.accuracy"].isel({"test.step": -1})
    assert dict(last.sizes) == {"optimizer": 2, "lr": 2, "seed": 2}
    assert float(last.mean()) == pytest.approx(sum(cells) / 4, abs=1e-3)
    assert float(results["train.loss"].isel({"train.step": -1}).max()) < 0.3


def test_digits_learn_the_same_from_the_same_seed(shell, digits):
    shell("python train.py epochs=2 seed=3")
    shell("python train.py epochs=2 seed=3")

    first, second = (records(digits / f"logs/{run}/metrics/test.jsonl") for run in (1, 2))
    assert len(first) == 2
    assert first == second


def kill_after(records: int, stream: Path, process: subprocess.Popen[str], number: signal.Signals) -> int:
    """Send a signal as soon as a run has logged so many records; return the exit code."""
    end = time.monotonic() + 60
    while not stream.exists() or stream.read_bytes().count(b"\n") < records:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_again_and_again_ends_like_one_that_never_was(shell, tmp_path, number):
    script, stream = EXAMPLES / "resume.py", tmp_path / "logs/1/metrics/train.jsonl"
    command = "epochs=60 seconds=0.02"
    for stop in (7, 25, 43):
        process = subprocess.Popen(
            [sys.executable, script, *command.split()],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        code = kill_after(stop, stream, process, number)
        # One that is told to stop saves its state and says what became of it.
        assert code == (-9 if number is signal.SIGKILL else 128 + number)
        status = json.loads((tmp_path / "logs/1/status.json").read_text())["status"]
        assert status == ("running" if number is signal.SIGKILL else "cancelled")
        command = "xp.resume=unfinished"

    shell(f"python {script} xp.resume=1")
    shell(f"python {script} epochs=60 seconds=0")

    resumed, whole = (records(tmp_path / f"logs/{run}/metrics/train.jsonl") for run in (1, 2))
    assert resumed == whole
    assert [record["epoch"] for record in whole] == list(range(60))
    status = json.loads((tmp_path / "logs/1/status.json").read_text())
    assert (status["status"], status["attempt"], status["streams"]["train"]["records"]) == ("completed", 4, 60)
    end = typedxp.open_results(tmp_path / "logs")["end"]
    assert end.attrs["units"] == "m"
    assert end.values.tolist() == [whole[-1]["position"]] * 2


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project = tmp_path / "project"
    shutil.copytree(EXAMPLES / "cluster", project)
    return project


# The queue comes first, for the shell to find it.
@pytest.mark.parametrize("name", OURS)
def test_each_profile_of_the_cluster_makes_a_job_script(cluster, shell, name):
    printed = shell(
        f"cd project && git init -q . && python pi.py points=1e6,1e7 'seed=range(10)' xp/profile={name}_cpu -n"
    )

    assert f"20 runs as jobs of {name}" in printed
    assert printed.partition("#!/bin/bash\n")[2].startswith(get_scheduler(name).profile.prefix)
    assert "export OMP_NUM_THREADS=1\n" in printed
    assert not (cluster / "logs").exists()


def test_the_sweep_for_a_cluster_runs_on_the_local_queue(cluster, shell):
    shell("cd project && git init -q . && python pi.py points=2e5,4e5 seed=0,1 xp/profile=local_cpu xp.wait=true")

    found = typedxp.open_results(cluster / "logs")
    assert dict(found["status"].sizes) == {"points": 2, "seed": 2}
    assert set(found["status"].values.flat) == {"completed"}
    last = found["train.pi"].xp.last()
    assert last.values == pytest.approx(3.14, abs=0.03)
    assert found["train.thrown"].xp.last().sel(points=4e5).values.tolist() == [400_000, 400_000]
