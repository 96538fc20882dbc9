"""Commands whose output nobody reads to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
FULL = b"typedxp: The output cannot be written: No space left on device.\n"


def typed(words, place, out, unbuffered):
    return subprocess.run(
        [sys.executable, "-m", "typedxp", *words.split()],
        cwd=place,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=out,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", ["--help", "ls --help", "--version", "profiles", "profiles --json", "profiles check oar"]
)
def test_a_closed_pipe_ends_any_command_quietly(tmp_path, words, unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as out:
        done = typed(words, tmp_path, out, unbuffered)

    assert (done.returncode, done.stderr) == (141, b"")


def test_what_was_refused_is_told_though_nobody_reads_the_output(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as out:
        words = [sys.executable, "-m", "typedxp", "profiles", "check", "nothing"]
        done = subprocess.run(words, cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, check=False)

    assert done.returncode == 2
    assert b"There is no profile 'nothing'" in done.stderr


@pytest.fixture
def script(tmp_path):
    (tmp_path / "train.py").write_text(
        "import typedxp\n\n@typedxp.experiment\ndef train(run, seed: int = 0): ...\n\n"
        'if __name__ == "__main__":\n    train.main()\n'
    )
    return [sys.executable, "train.py"]


@pytest.mark.parametrize("words", ["seed=1,2 -n", "--cfg job", "--info", "--help"])
def test_a_closed_pipe_ends_a_plan_or_an_answer_quietly(tmp_path, script, words):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as out:
        done = subprocess.run([*script, *words.split()], cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, check=False)

    assert done.returncode == 141
    assert b"Error" not in done.stderr


@full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["--help", "--version", "profiles --json"])
def test_a_full_disk_under_the_output_is_told_in_a_line(tmp_path, words, unbuffered):
    with open("/dev/full", "w") as out:  # noqa: PTH123
        done = typed(words, tmp_path, out, unbuffered)

    assert (done.returncode, done.stderr) == (1, FULL)


@full
@pytest.mark.parametrize("words", ["seed=1,2 -n", "--cfg job", "--info", "--help"])
def test_a_full_disk_under_a_plan_or_an_answer_is_told_in_a_line(tmp_path, script, words):
    with open("/dev/full", "w") as out:  # noqa: PTH123
        done = subprocess.run([*script, *words.split()], cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, check=False)

    assert done.returncode == 1
    assert done.stderr.endswith(FULL)
    assert b"Traceback" not in done.stderr


def test_a_command_without_any_output_does_what_it_should(tmp_path):
    words = f"{sys.executable} -m typedxp profiles >&-"
    done = subprocess.run(words, shell=True, cwd=tmp_path, stderr=subprocess.PIPE, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
