"""``xp.only``: what has been run already, with the same config and the same code, is not run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.results.conftest import StoreBuilder
from typedxp.results.runs.points import runs_of_points
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.processes import process_start
from typedxp.vocabulary.records import RunStatus, Status

SCRIPT = """
import sys
from pathlib import Path
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    if Path("fail").exists() and seed >= 2:
        raise ValueError("two")
    run.log(seed=seed)

if __name__ == "__main__":
    train.main()
"""


def git(directory, *arguments):
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    subprocess.run(command, cwd=directory, check=True, capture_output=True, env=environment)


@pytest.fixture
def plain(tmp_path):
    """A script outside of any repository."""
    (tmp_path / "train.py").write_text(SCRIPT)


@pytest.fixture
def project(plain, tmp_path):
    """A script in a repository."""
    (tmp_path / ".gitignore").write_text("logs/\nfail\n")
    (tmp_path / "notes.txt").write_text("first")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")


def runs(tmp_path):
    return [directory.id for directory in Store(tmp_path / "logs").runs()]


def seeds(tmp_path, first=1):
    return [Store(tmp_path / "logs").run(number).read_config()["seed"] for number in runs(tmp_path) if number >= first]


def test_a_longer_range_runs_only_what_is_new(shell, tmp_path, project):
    shell("python train.py 'seed=range(3)'")

    dry = shell("python train.py 'seed=range(5)' xp.only=missing -n")
    said = shell("python train.py 'seed=range(5)' xp.only=missing")

    note = "3 of 5 points are completed already (runs 1-3): left out. xp.only=all runs them again."
    assert note in dry
    assert "2 runs in this process" in dry
    assert note in said
    assert seeds(tmp_path, first=4) == [3, 4]


def test_when_all_is_done_nothing_is_run_and_all_is_well(shell, tmp_path, project):
    shell("python train.py seed=0,1")

    for flag in ("", " -n"):
        said = shell(f"python train.py seed=0,1 xp.only=missing{flag}")
        assert said == "2 of 2 points are completed already (runs 1-2): left out. xp.only=all runs them again.\n"
    said = shell("python train.py seed=1 xp.only=missing")
    assert said == "1 of 1 point is completed already (run 2): left out. xp.only=all runs it again.\n"
    assert runs(tmp_path) == [1, 2]
    shell("python train.py seed=0,1")
    assert runs(tmp_path) == [1, 2, 3, 4]


def test_other_code_is_run_again_unless_it_is_ignored(shell, tmp_path, project):
    shell("python train.py seed=0,1")
    with (tmp_path / "train.py").open("a") as file:
        file.write("# changed\n")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / ".git").rglob("*") if path.is_file()}

    dry = shell("python train.py seed=0,1 xp.only=missing -n")

    note = "Not counted, since the code has changed (train.py): runs 1-2. xp.ignore_code=true lets them count."
    assert note in dry
    assert "2 runs in this process" in dry
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / ".git").rglob("*") if path.is_file()}
    ignoring = shell("python train.py seed=0,1 xp.only=missing xp.ignore_code=true")
    assert "2 of 2 points are completed already (runs 1-2)" in ignoring
    assert note in shell("python train.py seed=0,1 xp.only=missing")
    assert runs(tmp_path) == [1, 2, 3, 4]
    # With changes that are not committed, the same code is the same code, too.
    for flag in (" -n", ""):
        assert "(runs 3-4): left out" in shell(f"python train.py seed=0,1 xp.only=missing{flag}")
    # And so it is when it was committed.
    git(tmp_path, "commit", "--quiet", "--all", "--message=second")
    assert "(runs 3-4): left out" in shell("python train.py seed=0,1 xp.only=missing -n")


def test_only_the_paths_that_count_make_code_different(shell, tmp_path, project):
    shell("python train.py seed=0")
    (tmp_path / "notes.txt").write_text("second")
    (tmp_path / "new.txt").write_text("new")

    assert "changed (new.txt, notes.txt)" in shell("python train.py xp.only=missing -n")
    for paths in ("train.py", "'[*.py,.gitignore]'", "./train.py"):
        assert "(run 1): left out" in shell(f"python train.py xp.only=missing xp.code_paths={paths} -n")
    assert "changed (notes.txt)" in shell("python train.py xp.only=missing 'xp.code_paths=[notes*]' -n")
    refused = shell("python train.py xp.only=missing xp.code_paths=trian.py", code=2)
    assert "xp.code_paths: nothing in the code is called 'trian.py'." in refused


def test_failed_runs_only_what_failed(shell, tmp_path, project):
    shell("touch fail; python train.py 'seed=range(3)'", code=1)
    (tmp_path / "fail").unlink()

    said = shell("python train.py 'seed=range(5)' xp.only=failed")

    assert "2 of 5 points are completed already (runs 1-2): left out." in said
    assert "2 of 5 points did not fail: left out. xp.only=missing runs what is missing." in said
    assert seeds(tmp_path, first=4) == [2]
    # It has been completed by another run now.
    assert "3 of 3 points are completed already (runs 1-2, 4)" in shell(
        "python train.py 'seed=range(3)' xp.only=failed"
    )


def test_outside_of_a_repository_code_is_taken_for_the_same_and_that_is_said(shell, tmp_path, plain):
    shell("python train.py seed=0 2>/dev/null")

    said = shell("python train.py seed=0,1 xp.only=missing")

    assert "1 of 2 points is completed already (run 1)" in said
    assert "The code is in no git repository: whether it is the code of those runs is not known." in said
    assert seeds(tmp_path) == [0, 1]


def test_code_that_was_not_kept_does_not_count(shell, tmp_path, project):
    (tmp_path / "notes.txt").write_text("second")
    shell("python train.py seed=0 xp.snapshot=off")

    said = shell("python train.py seed=0 xp.only=missing -n")

    assert "Not counted, since their code was not kept: run 1. xp.ignore_code=true lets them count." in said


def test_code_that_git_has_forgotten_does_not_count(shell, tmp_path, project):
    (tmp_path / "notes.txt").write_text("second")
    shell("python train.py seed=0")
    git(tmp_path, "checkout", "--quiet", "notes.txt")
    shell("git for-each-ref --format='%(refname)' refs/typedxp | xargs -n 1 git update-ref -d; git prune --expire=now")

    said = shell("python train.py seed=0 xp.only=missing -n")

    assert "Not counted, since git does not have their code any more: run 1." in said


def test_an_experiment_of_the_same_name_in_another_file_is_another_one(shell, tmp_path, project):
    (tmp_path / "other.py").write_text(SCRIPT)
    shell("python train.py seed=0")

    assert "completed already" not in shell("python other.py seed=0 xp.only=missing")


def test_without_a_store_all_is_missing(shell, tmp_path, project):
    shell("python train.py seed=0,1 xp.only=missing xp.logs=logs/new")

    assert [run.id for run in Store(tmp_path / "logs" / "new").runs()] == [1, 2]


def write_status(tmp_path, number, status, pid=None, start=None):
    directory = RunDirectory(tmp_path / "logs" / str(number))
    directory.write_status(Status(status, host=os.uname().nodename, pid=pid, pid_start=start))


def test_points_that_are_being_run_are_left_out_while_their_process_lives(shell, tmp_path, project):
    shell("python train.py seed=0,1")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        write_status(tmp_path, 1, RunStatus.RUNNING, process.pid, process_start(process.pid))
        write_status(tmp_path, 2, RunStatus.PLANNED)
        alive = shell("python train.py seed=0,1 xp.only=missing")
        failed = shell("python train.py seed=0,1 xp.only=failed -n")
        process.kill()

    assert "2 of 2 points are being run already (runs 1-2): left out." in alive
    assert "being run already" in failed
    assert runs(tmp_path) == [1, 2]
    dead = shell("python train.py seed=0,1 xp.only=missing -n")
    assert "2 runs in this process" in dead


def test_data_that_has_changed_makes_a_point_missing_again(shell, tmp_path):
    (tmp_path / "train.py").write_text(
        SCRIPT.replace("seed: int = 0", "seed: int = 0, data: typedxp.InputPath = typedxp.InputPath('d.csv')")
    )
    (tmp_path / "d.csv").write_text("1")
    shell("python train.py seed=0")
    assert "completed already (run 1)" in shell("python train.py seed=0 xp.only=missing")

    (tmp_path / "d.csv").write_text("2")
    said = shell("python train.py seed=0 xp.only=missing")

    assert "Not counted, since the data that they read has changed: run 1." in said
    assert runs(tmp_path) == [1, 2]


def test_from_python_a_sweep_has_all_its_points(shell, tmp_path, plain):
    (tmp_path / "sweep.py").write_text(
        "import json\n"
        "from train import train\n"
        "first = train.sweep({'seed': range(2)})\n"
        "second = train.sweep({'seed': range(4)}, xp={'only': 'missing'})\n"
        "third = train.run(seed=1, xp={'only': 'missing'})\n"
        "seeds = second.results()['seed'].values.tolist()\n"
        "print(json.dumps([[run.id for run in first], [run.id for run in second], third.id, seeds]))\n"
    )

    assert json.loads(shell("python sweep.py 2>/dev/null")) == [[1, 2], [1, 2, 3, 4], 2, [0, 1, 2, 3]]


def test_runs_that_have_ended_are_not_opened_again(tmp_path, monkeypatch):
    directory = StoreBuilder(tmp_path / "logs").add({}, digest="0")
    record, status = ((directory.path / name).read_text() for name in ("run.json", "status.json"))
    for number in range(2, 101):
        path = tmp_path / "logs" / str(number)
        path.mkdir()
        (path / "run.json").write_text(record.replace('"digest": "0"', f'"digest": "{number}"'))
        (path / "status.json").write_text(status)
    runs_of_points(tmp_path / "logs", {"5"})
    opened = []
    monkeypatch.setattr(RunDirectory, "read_record", opened.append)

    found = runs_of_points(tmp_path / "logs", {"5", "77"})

    assert [run.id for run in found] == [5, 77]
    assert opened == []


def test_runs_in_other_directories_are_no_code(shell, tmp_path, project):
    shell("python train.py seed=0,1 xp.logs=first")
    shell("python train.py seed=0 xp.logs=deeper/second")
    (tmp_path / "deeper" / "notes.py").write_text("code = True")

    shell("python train.py seed=0 xp.logs=first xp.only=missing")
    (tmp_path / "deeper" / "notes.py").unlink()
    said = shell("python train.py seed=0,1 xp.logs=first xp.only=missing")

    # A new file beside the runs is other code.
    assert [directory.id for directory in Store(tmp_path / "first").runs()] == [1, 2, 3]
    assert "2 of 2 points are completed already" in said
