"""The way of a job back to the queue: by its exit code, by a command, or as a new job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.schedulers.local_queue import until
from typedxp.schedulers.lsf import LsfScheduler
from typedxp.schedulers.shell import Reply
from typedxp.stages.allocate import Origin, allocate
from typedxp.store.jobs import jobs, take_job
from typedxp.store.store import Store
from typedxp.vocabulary.jobs import Element, JobRecord
from typedxp.vocabulary.plan import Judged, Plan, RunSpec
from typedxp.vocabulary.processes import process_start
from typedxp.vocabulary.records import ExperimentRef, Recording, RunStatus, Status
from typedxp.worker.requeue import main, requeue

AGAIN = LsfScheduler.requeue_code

SCRIPT = """
import os, signal, time
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    if seed == 9:
        raise ValueError("nine")
    if seed == 1 and run.attempt <= 2:
        os.kill(os.getppid() if os.environ.get("PACKED") else os.getpid(), signal.SIGUSR1)
        time.sleep(30)
    run.log(seed=seed)
"""


@pytest.fixture
def job(tmp_path):
    """Make a job whose only element executes a run for each seed, by the words of a scheduler and a profile."""

    def make(scheduler, *seeds, **profile):
        (tmp_path / "train.py").write_text(SCRIPT)
        ref = ExperimentRef("train", None, str(tmp_path / "train.py"), "train")
        specs = tuple(RunSpec(f"d{seed}", Judged(None, {"seed": seed}, {}), {}, {}, {}, ()) for seed in seeds)
        store = Store(tmp_path / "logs")
        runs = allocate(store, Plan(specs), Origin(ref, None, {}, None, Recording(), [], submitted=True))
        directory = take_job(store)
        record = JobRecord(
            id=directory.id,
            scheduler=scheduler,
            profile={"scheduler": scheduler, "requeue": True, **profile},
            name="train",
            directory=str(tmp_path),
            python=sys.executable,
            elements=(Element(tuple(run.id for run in runs), "7"),),
            array=False,
            first=0,
            created="2026-01-01T00:00:00.000+00:00",
            job="7",
            submitted="2026-01-01T00:00:01.000+00:00",
        )
        directory.write(record)
        return directory

    return make


class Cluster:
    """A shell that answers all commands alike, and remembers them."""

    def __init__(self, out="", code=0, err=""):
        self.out, self.code, self.err, self.words = out, code, err, []

    def __call__(self, command):
        self.words.append(command.words)
        return Reply(command, self.code, self.out, self.err)


def work(job, **variables):
    command = [sys.executable, "-P", "-m", "typedxp.worker", "--job", str(job.path), "--name", "7"]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **variables}, stdin=subprocess.DEVNULL
    )


def test_lsf_requeues_by_an_exit_code(job):
    shell = Cluster()

    assert requeue(job("lsf", 0), "7", [1], shell) == AGAIN
    assert shell.words == []


def test_slurm_requeues_by_a_command(job):
    shell = Cluster()

    assert requeue(job("slurm", 0), "7_3", [1], shell) == 0
    assert shell.words == [("scontrol", "requeue", "7_3")]


def test_pbs_gets_a_new_job_of_what_is_left(job):
    first, shell = job("pbs", 0, 1, 2, after=["3.host"], pack=3), Cluster("8.host\n")

    assert requeue(first, "7", [2, 3], shell) == 0
    second = list(jobs(first.store))[1].read()
    assert [element.runs for element in second.elements] == [(2, 3)]
    assert (second.job, second.elements[0].name) == ("8.host", "8.host")
    # What it waited for has been.
    assert "after" not in second.profile
    assert first.read().withdrawn == (2, 3)


@pytest.mark.parametrize("scheduler", ["slurm", "pbs"])
def test_what_the_scheduler_does_not_take_back_stays_preempted_and_says_why(job, scheduler, capsys):
    first = job(scheduler, 0)
    first.run(1).write_status(Status(RunStatus.SUBMITTED, attempt=1, signal=10, cause="stopped by SIGUSR1, requeued"))

    assert main([str(first.path), "7", "1"], Cluster(code=1, err="no more of you")) == 1

    status = first.run(1).read_status()
    assert status.status == "preempted"
    assert status.cause.startswith("not requeued: ")
    assert "no more of you" in status.cause
    assert "not requeued" in capsys.readouterr().err


def test_a_run_that_was_warned_is_submitted_again_and_its_job_ends_as_the_scheduler_wants(job):
    first = job("lsf", 1)

    assert work(first).returncode == AGAIN
    status = first.run(1).read_status()
    assert (status.status, status.attempt, status.cause) == ("submitted", 1, "stopped by SIGUSR1, requeued")


@pytest.mark.parametrize(("most", "before", "again"), [(0, 0, False), (0, 1, False), (1, 1, True)])
def test_a_run_is_requeued_so_often_at_most_since_it_was_submitted(job, most, before, again):
    first = job("lsf", 1, max_requeues=most)
    first.write(replace(first.read(), attempts=before))
    first.run(1).write_status(replace(first.run(1).read_status(), attempt=before))

    assert work(first).returncode == (AGAIN if again else 128 + signal.SIGUSR1)
    assert first.run(1).read_status().status == ("submitted" if again else "preempted")


@pytest.mark.parametrize(("most", "before", "often"), [(0, 0, "0 times"), (1, 1, "1 time")])
def test_a_run_that_was_requeued_as_often_as_it_may_says_so(job, most, before, often):
    first = job("lsf", 1, max_requeues=most)
    first.run(1).write_status(replace(first.run(1).read_status(), attempt=before))

    work(first)

    cause = f"stopped by SIGUSR1, requeued {often}, and max_requeues is {most}"
    assert first.run(1).read_status().cause == cause


def test_without_requeue_a_run_that_was_warned_is_preempted(job):
    first = job("lsf", 1, requeue=False)

    assert work(first).returncode == 128 + signal.SIGUSR1
    status = first.run(1).read_status()
    assert (status.status, status.cause) == ("preempted", "stopped by SIGUSR1")


def test_of_several_runs_those_that_ended_by_themselves_are_not_begun_again(job):
    first = job("lsf", 0, 9, 1, 2)

    assert work(first, PACKED="1", TYPEDXP_GRACE="2").returncode == AGAIN
    assert [str(first.run(run).read_status().status) for run in (1, 2, 3, 4)] == [
        "completed", "failed", "submitted", "submitted",
    ]  # fmt: skip
    first.run(3).write_status(replace(first.run(3).read_status(), attempt=2))
    # One of them has failed, and so the job has.
    assert work(first).returncode == 1
    assert [first.run(run).read_status().attempt for run in (1, 2, 3, 4)] == [1, 1, 3, 1]
    assert [str(first.run(run).read_status().status) for run in (3, 4)] == ["completed"] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone lets a process end with its parent.")
def test_of_several_runs_none_goes_on_in_a_job_that_was_killed(job, tmp_path):
    first = job("lsf", 0, 1)
    waiting = f"    Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n    time.sleep(60)\n    if seed == 9"
    script = SCRIPT.replace("    if seed == 9", waiting)
    (tmp_path / "train.py").write_text(f"from pathlib import Path\n{script}")
    command = [sys.executable, "-P", "-m", "typedxp.worker", "--job", str(first.path), "--name", "7"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL) as process:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        process.kill()

    pid = int((tmp_path / "pid").read_text())
    until(lambda: process_start(pid) is None)
    assert first.run(2).read_status().attempt == 0


def test_of_several_runs_those_that_were_withdrawn_are_not_begun(job):
    first = job("lsf", 1, 2)
    first.withdraw([1])

    assert work(first).returncode == 0
    assert [str(first.run(run).read_status().status) for run in (1, 2)] == ["submitted", "completed"]


def test_a_job_without_a_secret_names_the_variable_that_is_missing(job):
    first = job("lsf", 0, secrets={"token": "XP_TOKEN", "other": "XP_OTHER"})
    run = first.run(1)
    planned = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**planned, "secrets": ["token"]}))

    done = work(first)

    assert done.returncode == 1
    status = run.read_status()
    assert (status.status, status.attempt) == ("failed", 0)
    assert status.cause.startswith("The job has no environment variable XP_TOKEN (for token). Export it")
    assert status.cause in done.stderr
    work(first, XP_TOKEN="secret")
    assert run.read_status().attempt == 1
    run.write_status(Status(RunStatus.COMPLETED, attempt=1))
    work(first)
    assert run.read_status().status == "completed"


def test_a_run_that_is_cancelled_while_it_stops_is_not_requeued(job):
    first = job("lsf", 1)
    script = Path(first.read().directory) / "train.py"
    withdrawing = "import os, signal, time\nfrom pathlib import Path\nfrom typedxp.store.jobs import JobDirectory"
    script.write_text(
        SCRIPT.replace("import os, signal, time", withdrawing).replace(
            "    if seed == 1", f"    JobDirectory(Path({str(first.path)!r})).withdraw([1])\n    if seed == 1"
        )
    )

    assert work(first).returncode == 128 + signal.SIGUSR1
    assert first.run(1).read_status().status == "preempted"
