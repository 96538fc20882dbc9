"""Commands whose output nobody reads to its end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", ["--help", "ls --help", "--version", "profiles", "profiles --json", "profiles check oar"]
)
def test_a_closed_pipe_ends_any_command_quietly(tmp_path, words, unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as out:
        done = subprocess.run(
            [sys.executable, "-m", "typedxp", *words.split()],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert (done.returncode, done.stderr) == (141, b"")


def test_what_was_refused_is_told_though_nobody_reads_the_output(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as out:
        words = [sys.executable, "-m", "typedxp", "profiles", "check", "nothing"]
        done = subprocess.run(words, cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, check=False)

    assert done.returncode == 2
    assert b"There is no profile 'nothing'" in done.stderr


def test_a_closed_pipe_ends_a_plan_quietly(tmp_path):
    (tmp_path / "train.py").write_text(
        "import typedxp\n\n@typedxp.experiment\ndef train(run, seed: int = 0): ...\n\ntrain.main()\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as out:
        words = [sys.executable, "train.py", "seed=1,2", "-n"]
        done = subprocess.run(words, cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, check=False)

    assert done.returncode == 141
    assert b"Error" not in done.stderr
