"""Sweeps on this machine as users know them: `xp/profile=local`, and the commands of `typedxp`."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from tests.schedulers.local_queue import until
from typedxp.schedulers.queue.files import QueueFiles

SCRIPT = """
import time
from pathlib import Path

import typedxp

@typedxp.experiment
def train(run, seed: int = 0, wait: float = 0.0) -> None:
    print("this is seed", seed, flush=True)
    Path(f"started.{seed}").touch()
    time.sleep(wait)
    if seed == 7 and not Path("mended").exists():
        raise ValueError("seven is not liked")
    run.log_metrics({"loss": 1 / (seed + 1)})

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """The queue of a user who has nothing but an experiment."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "train.py").write_text(SCRIPT)
    return QueueFiles(tmp_path / "state" / "typedxp" / "queue" / os.uname().nodename)


@pytest.fixture
def user(queue, shell):
    """A user at a shell, who leaves nothing running."""
    yield shell
    if queue.numbers():
        shell("python -P -m typedxp.schedulers.queue cancel " + " ".join(map(str, queue.numbers())))


def launch(command: str, profile: str = "xp.profile.slots=2") -> str:
    return f"python train.py {command} xp.snapshot=off xp/profile=local {profile}"


def statuses(user, *selection: str) -> dict[str, int]:
    """Count the runs by where they stand."""
    counted: dict[str, int] = {}
    for run in json.loads(user(" ".join(["typedxp status --json", *selection]))):
        counted[run["status"]] = counted.get(run["status"], 0) + 1
    return counted


def test_a_sweep_runs_two_at_a_time_and_the_one_that_fails_is_retried(user, tmp_path):
    said = user(launch("'seed=range(20)' xp.wait=true"), code=1)

    assert re.search(r"^Submitted runs 1-20 as an array of 20: local job \d+ ", said, re.MULTILINE)
    assert statuses(user) == {"completed": 19, "failed": 1}
    assert re.search(r"ValueError: seven is not liked", user("typedxp status 8"))
    assert user("typedxp logs 4") == "this is seed 3\n"
    (tmp_path / "mended").touch()
    user("typedxp retry --failed")
    user("typedxp logs 8 -f")
    until(lambda: statuses(user) == {"completed": 20})
    assert user("typedxp logs 8").count("this is seed 7") == 2


def test_what_runs_and_what_waits_can_be_cancelled(user, tmp_path):
    user(launch("'seed=range(4)' wait=600"))
    until((tmp_path / "started.1").exists)
    user("typedxp cancel 1 4")
    until((tmp_path / "started.2").exists)
    assert statuses(user, "1", "4") == {"cancelled": 2}

    user("typedxp cancel 2 3")
    until(lambda: statuses(user) == {"cancelled": 4})
    assert not (tmp_path / "started.3").exists()


def test_logs_follow_a_run_to_its_end(user):
    user(launch("wait=1"))

    assert user("typedxp logs 1 -f") == "this is seed 0\n"
    until(lambda: statuses(user) == {"completed": 1})


def test_held_runs_wait_for_their_release(user, tmp_path):
    user(launch("'seed=range(3)' wait=600", "xp.profile.slots=1"))
    user("typedxp hold 3")
    user("typedxp cancel 1-2")
    until(lambda: statuses(user, "1-2") == {"cancelled": 2})
    assert "HELD" in user("typedxp status 3")
    assert not (tmp_path / "started.2").exists()

    user("typedxp release 3")
    until((tmp_path / "started.2").exists)


def test_a_run_over_its_time_is_timeout_and_says_so(user):
    user(launch("wait=600 xp.wait=true", "xp.profile.time=3s"), code=1)

    assert statuses(user) == {"timeout": 1}
    assert "TIMEOUT after 3 s" in user("typedxp status 1")


def test_a_run_whose_processes_are_killed_is_lost_never_completed(user, tmp_path, queue):
    user(launch("wait=600"))
    until((tmp_path / "started.0").exists)
    job = queue.numbers()[0]
    record = json.loads((queue.jobs / f"{job}/{job}.json").read_bytes())
    os.kill(record["pid"], signal.SIGKILL)
    os.kill(record["program"], signal.SIGKILL)

    until(lambda: statuses(user) == {"lost": 1})


def test_a_sweep_waits_for_another_that_it_comes_after(user, queue):
    user(launch("seed=7"))
    user(launch("seed=1 xp.wait=true", f"xp.profile.after={queue.numbers()[0]}"), code=1)

    assert statuses(user) == {"failed": 1, "cancelled": 1}


def test_the_script_of_a_sweep_can_be_submitted_by_hand(user, queue):
    user(launch("'seed=range(2)' xp.wait=true"))
    answer = json.loads(user("python -P -m typedxp.schedulers.queue submit logs/jobs/1/job.sh"))

    job = queue.numbers()[-1]
    assert answer == {"job": str(job), "elements": [f"{job}_0", f"{job}_1"]}


def test_the_launching_shell_may_die(user, tmp_path):
    command = launch("wait=1").replace("python", sys.executable, 1)
    done = subprocess.run(["setsid", "bash", "-c", f"{command}; kill -KILL $$"], cwd=tmp_path, check=False)

    assert done.returncode != 0
    until(lambda: statuses(user) == {"completed": 1})


def test_a_profile_is_checked_by_the_queue_itself(user):
    said = user("typedxp profiles check local")

    assert "#LOCAL --array=0-1\n" in said
    assert "2 to run" in said


@pytest.mark.parametrize("flag", ["", "-n"])
def test_what_can_never_be_given_here_is_refused_before_anything_is_created(user, tmp_path, flag):
    said = user(launch(flag, "xp.profile.cpus=100000"), code=2)

    assert re.search(r"xp\.profile\.cpus = 100000  \(command line\)\n +--cpus=100000: this machine has \d+ CPUs", said)
    assert "xp.profile.after = ['7']" in user(launch(flag, "xp.profile.after=7"), code=2)
    assert not (tmp_path / "logs").exists()


def test_a_profile_that_can_never_be_given_here_is_told_by_its_check(user, tmp_path):
    place = tmp_path / "conf" / "xp" / "profile"
    place.mkdir(parents=True)
    (place / "big.yaml").write_text("scheduler: local\ncpus: 100000\n")

    assert f"xp.profile.cpus = 100000  ({place / 'big.yaml'})" in user("typedxp profiles check big", code=2)


def test_a_retry_does_not_ask_for_a_job_that_was_waited_for_and_is_forgotten(user, tmp_path, queue):
    user(launch("seed=1"))
    until(lambda: statuses(user) == {"completed": 1})
    first = queue.numbers()[0]
    user(launch("seed=7", f"xp.profile.after={first}"))
    until(lambda: statuses(user) == {"completed": 1, "failed": 1})
    shutil.rmtree(queue.jobs / str(first))
    (tmp_path / "mended").touch()

    assert "Submitted run 2" in user("typedxp retry 2 time=1h")
    until(lambda: statuses(user) == {"completed": 2})
