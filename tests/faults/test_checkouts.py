"""Processes that make a checkout are killed at any moment, and many make it at once: it is whole, or not there."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from typedxp.stages.snapshot.checkout import make_checkout, remove_checkout

FILES, KILLS, MAKERS = 300, 12, 6

MAKE = """
import sys
from pathlib import Path
from typedxp.stages.snapshot.checkout import make_checkout
from typedxp.stages.snapshot.repository import load_git
load_git()
print("ready", flush=True)
sys.stdin.readline()
print(make_checkout(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])).path)
"""


@pytest.fixture
def root(tmp_path):
    place = tmp_path / "project"
    for number in range(FILES):
        file = place / f"package_{number % 7}" / f"module_{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"N = {number}\n" * (number + 1))
    git(place, "init", "--quiet")
    git(place, "add", ".")
    git(place, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "--message=x")
    yield place
    remove_checkout(tmp_path)


def git(root, *arguments):
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def start(root, place):
    """Start a process that is about to make the checkout; its whole session can be killed."""
    command = [sys.executable, "-c", MAKE, str(place), git(root, "rev-parse", "HEAD"), str(root)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def contents(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(directory).parts
    }


def test_a_process_that_is_killed_leaves_a_whole_checkout_or_none(root, tmp_path):
    place, snapshot, expected = tmp_path / "checkouts", git(root, "rev-parse", "HEAD"), contents(root)
    chance, halves = random.Random(1), 0
    for _ in range(KILLS):
        with start(root, place) as process:
            process.stdin.write("\n")
            process.stdin.flush()
            time.sleep(chance.uniform(0.005, 0.08))
            os.killpg(process.pid, signal.SIGKILL)
        halves += len(list(place.glob(".draft.*")))
        if (place / snapshot).is_dir():
            assert contents(place / snapshot) == expected
            remove_checkout(place / snapshot)

    made = make_checkout(place, snapshot, root).path

    assert halves > 0
    assert contents(made) == expected
    assert {path.name for path in place.iterdir()} == {".gitignore", snapshot}


def test_many_processes_that_make_it_at_once_get_the_same(root, tmp_path):
    place, expected = tmp_path / "checkouts", contents(root)
    processes = [start(root, place) for _ in range(MAKERS)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()

    made = {Path(process.communicate()[0].strip()) for process in processes}

    assert [process.returncode for process in processes] == [0] * MAKERS
    assert made == {place / git(root, "rev-parse", "HEAD")}
    assert contents(made.pop()) == expected
    assert len(list(place.iterdir())) == 2


def test_it_is_made_while_git_collects_garbage_and_holds_the_lock_of_the_index(root, tmp_path):
    (root / ".git" / "index.lock").touch()
    snapshot, expected = git(root, "rev-parse", "HEAD"), contents(root)
    with subprocess.Popen(["git", "gc", "--quiet", "--prune=now"], cwd=root) as collecting:
        for number in range(5):
            assert contents(make_checkout(tmp_path / "checkouts" / str(number), snapshot, root).path) == expected
        collecting.wait()

    shutil.rmtree(root)
    assert contents(tmp_path / "checkouts" / "0" / snapshot) == expected
