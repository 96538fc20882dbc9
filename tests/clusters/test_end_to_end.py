"""Sweeps on real schedulers, as a user launches them: `pytest --real slurm,sge,oar`."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from pathlib import Path

import pytest

import typedxp

CLUSTERS = Path(__file__).parent

SCRIPT = '''
import os
import time

import typedxp

VERSION = "first"


@typedxp.experiment
def work(
    run: typedxp.Run, seed: int = 0, seconds: float = 0.0, name: str = "", flaky: bool = False, megabytes: int = 0
) -> None:
    """Do what the tests want."""
    eaten = bytearray(megabytes * 2**20)
    for page in range(0, len(eaten), 4096):
        eaten[page] = 1
    start = time.time()
    while time.time() - start < seconds:
        time.sleep(0.1)
    run.log(start=start, end=time.time(), name=name, version=VERSION, attempt=run.attempt)
    if flaky and run.attempt == 1:
        raise ValueError("only once")


if __name__ == "__main__":
    work.main()
'''

# The shortest limit that each of them keeps.
SHORT = {"slurm": "1m", "sge": "5s", "oar": "10s"}
THROTTLED = {"slurm", "sge"}
ENFORCES_MEMORY = {"slurm": "xp.profile.mem=200M", "sge": "xp.profile.mem=200M xp.profile.memory_resource=h_vmem"}


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.real(name)) for name in ("slurm", "sge", "oar")])
def scheduler(request, real_cluster):
    return request.param


@pytest.fixture
def project(tmp_path):
    """A repository with a script in it, whose path needs quotes."""
    root = tmp_path / "my proj; 'a' $HOME"
    root.mkdir()
    (root / "work.py").write_text(SCRIPT)
    (root / ".gitignore").write_text("logs\n")
    for words in ("init --quiet", "add .", "-c user.name=A -c user.email=a@b commit --quiet -m first"):
        subprocess.run(["git", *words.split()], cwd=root, check=True)
    return root


@pytest.fixture
def launch(scheduler, shell, project):
    """Launch the script with the profile of the scheduler."""

    def type_in(rest, code=0, script="work.py"):
        return shell(f"cd {shlex.quote(str(project))} && python {script} xp/profile={scheduler} {rest}", code)

    return type_in


@pytest.fixture
def tell(shell, project):
    """Type a subcommand of typedxp."""
    return lambda rest, code=0: shell(f"cd {shlex.quote(str(project))} && python -m typedxp {rest}", code)


def rows(tell):
    return json.loads(tell("status --json"))


def wait_for(tell, condition, patience=60.0):
    """Wait until the condition holds for all that `typedxp status` tells; return it."""
    end = time.monotonic() + patience
    while not condition(found := rows(tell)):
        assert time.monotonic() < end, [(row["id"], row["status"], row["cause"], row["found"]) for row in found]
        time.sleep(0.5)
    return found


def ended(found):
    return all(row["status"] not in ("submitted", "running") for row in found)


def statuses(found):
    return [row["status"] for row in found]


def logged(project, run):
    [line] = (project / "logs" / str(run) / "metrics" / "train.jsonl").read_text().splitlines()
    return json.loads(line)


def test_a_sweep_is_one_array_that_keeps_its_throttle(launch, tell, project, scheduler):
    throttle = "xp.profile.parallel=4" if scheduler in THROTTLED else ""

    said = launch(f"'seed=range(20)' seconds=0.3 xp.wait=true {throttle}")

    assert "Submitted runs 1-20 as an array of 20" in said
    assert said.splitlines()[-1] == "20 completed"
    assert [path.name for path in (project / "logs" / "jobs").iterdir()] == ["1"]
    times = [logged(project, run) for run in range(1, 21)]
    most = max(sum(other["start"] <= one["start"] < other["end"] for other in times) for one in times)
    assert most <= (4 if throttle else 20)
    dataset = typedxp.open_results(project / "logs")
    assert dataset.sizes["seed"] == 20
    assert set(rows(tell)[0]["job"]) & set("0123456789")


def test_a_run_that_raises_is_a_failed_element_and_is_retried_alone_where_it_was(launch, tell, project):
    said = launch("flaky=true,false seed=1,2 xp.wait=true", code=1)

    assert said.splitlines()[-1] == "2 completed, 2 failed"
    assert statuses(rows(tell)) == ["failed", "failed", "completed", "completed"]
    assert "ValueError: only once" in tell("logs 1 --err")
    assert "Submitted runs 1-2 as an array of 2" in tell("retry --failed")
    found = wait_for(tell, ended)
    assert statuses(found) == ["completed"] * 4
    assert [row["attempt"] for row in found] == [2, 2, 1, 1]
    assert len(list((project / "logs").glob("[0-9]*"))) == 4


def test_a_run_that_takes_too_long_gets_that_status_and_the_evidence(launch, tell, scheduler):
    launch(f"seconds=300 xp.profile.time={SHORT[scheduler]}")

    [row] = wait_for(tell, ended, patience=180)

    assert row["status"] == "timeout", row["cause"]
    assert scheduler in row["cause"]
    assert "Submitted run 1 as a job" in tell("retry --timeout --scale time=2")
    tell("cancel 1")


def test_a_run_that_takes_too_much_memory_does_not_complete_and_says_why(launch, tell, scheduler):
    if scheduler not in ENFORCES_MEMORY:
        pytest.skip("nobody enforces memory on this cluster")
    launch(f"megabytes=1000 seconds=60 {ENFORCES_MEMORY[scheduler]}")

    [row] = wait_for(tell, ended, patience=120)

    assert row["status"] == "out_of_memory", row["cause"]


def test_what_is_cancelled_in_the_queue_and_while_it_runs_is_cancelled(launch, tell, project, scheduler):
    throttle = "xp.profile.parallel=2" if scheduler in THROTTLED else ""
    launch(f"'seed=range(12)' seconds=100 {throttle}")
    found = wait_for(tell, lambda found: sum(row["status"] == "running" for row in found) >= 2)
    running = [row["id"] for row in found if row["status"] == "running"][:1]
    waiting = [row["id"] for row in found if row["status"] == "submitted"][-1:]

    tell(f"cancel {running[0]} {waiting[0]}")

    chosen = {*running, *waiting}
    found = wait_for(tell, lambda found: ended([row for row in found if row["id"] in chosen]))
    assert {row["id"]: row["status"] for row in found if row["id"] in chosen} == dict.fromkeys(chosen, "cancelled")
    others = [row["status"] for row in found if row["id"] not in chosen]
    assert set(others) <= {"running", "submitted"}
    tell("cancel 1-12")
    assert set(statuses(wait_for(tell, ended))) == {"cancelled"}
    assert not (project / "logs" / str(waiting[0]) / "metrics").exists()


def test_the_code_of_the_submission_runs_whatever_happens_to_it_afterwards(launch, tell, project, scheduler):
    throttle = "xp.profile.parallel=2" if scheduler in THROTTLED else ""
    (project / "work.py").write_text(SCRIPT.replace("first", "not committed"))
    launch(f"'seed=range(10)' seconds=1 {throttle}")
    (project / "work.py").write_text("this is no Python (")

    assert set(statuses(wait_for(tell, ended, patience=120))) == {"completed"}
    assert {logged(project, run)["version"] for run in range(1, 11)} == {"not committed"}


@pytest.mark.parametrize("name", ["a b", "it's; rm -rf $HOME", 'quotes " and `backticks`', "line\nbreak", "é→"])
def test_values_reach_a_job_as_they_are(launch, tell, project, name):
    override = "name=" + "'" + name.replace("'", "\\'") + "'"

    launch(f"{shlex.quote(override)} xp.wait=true")

    assert logged(project, 1)["name"] == name


def test_a_run_that_is_warned_goes_back_to_the_queue_and_on_from_its_checkpoint(launch, tell, project, scheduler):
    limit = {
        "slurm": "time=1m xp.profile.warn=35s",
        "sge": "time=20s xp.profile.warn=12s",
        "oar": "time=50s xp.profile.warn=35s",
    }[scheduler]
    source = CLUSTERS.parents[1] / "examples" / "resume.py"
    (project / "resume.py").write_text(source.read_text())
    launch("epochs=40 seconds=0 xp.wait=true", script="resume.py")
    pause = {"slurm": 1.0, "sge": 0.4, "oar": 0.8}[scheduler]

    launch(f"epochs=40 seconds={pause} xp.profile.{limit} xp.profile.requeue=true", script="resume.py")

    found = wait_for(tell, ended, patience=170)
    assert statuses(found) == ["completed", "completed"], found[1]["cause"]
    assert found[1]["attempt"] > 1
    first, second = ((project / "logs" / run / "metrics" / "train.jsonl").read_text() for run in "12")
    positions = [[json.loads(line)["position"] for line in text.splitlines()] for text in (first, second)]
    assert positions[0] == positions[1]


@pytest.mark.real("slurm")
def test_jobs_go_on_while_the_scheduler_is_restarted(shell, project, real_cluster):
    def typed(rest):
        return shell(f"cd {shlex.quote(str(project))} && python {rest}")

    typed("work.py xp/profile=slurm seed=1,2 seconds=6")
    subprocess.run([CLUSTERS / "slurm" / "restart", "slurmctld"], check=True, capture_output=True)

    found = wait_for(lambda rest: typed(f"-m typedxp {rest}"), ended)
    assert statuses(found) == ["completed", "completed"]


@pytest.mark.real("slurm")
def test_a_job_submits_jobs(shell, project, real_cluster):
    (project / "outer.sh").write_text(
        "#!/bin/bash\n#SBATCH --output=outer.log\npython work.py xp/profile=slurm seed=1,2 xp.wait=true\n"
    )

    shell(f"cd {shlex.quote(str(project))} && sbatch --wait --export=ALL outer.sh")

    assert (project / "outer.log").read_text().splitlines()[-1] == "2 completed"
