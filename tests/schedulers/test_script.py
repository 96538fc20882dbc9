"""Job scripts: what they do when bash executes them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from tests.schedulers.cases import JOB
from typedxp.errors import ProfileError
from typedxp.schedulers.script import render
from typedxp.schedulers.slurm import Slurm, SlurmScheduler

SLURM = SlurmScheduler()
SHOW = (
    "import os, sys; print(os.getcwd(), *sys.argv[1:], os.environ.get('A'), os.environ.get('TYPEDXP_GRACE'), sep='|')"
)


def execute(tmp_path, job, code=0, **fields):
    script = tmp_path / "job.sh"
    script.write_text(render(SLURM, Slurm(**fields), job))
    env = {"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "7", "SLURM_ARRAY_JOB_ID": "6", "SLURM_ARRAY_TASK_ID": "3"}
    done = subprocess.run(["bash", script], env=env, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == code, done.stderr
    return done.stdout.rstrip("\n")


@pytest.fixture
def job(tmp_path):
    directory = tmp_path / 'it\'s a "$HOME"; `x` \\d\nnewline'
    directory.mkdir()
    return replace(JOB, command=(sys.executable, "-c", SHOW, "a b", "$x", "it's"), directory=directory)


def test_a_lone_job_is_told_its_name(tmp_path, job) -> None:
    assert execute(tmp_path, job) == f"{job.directory}|a b|$x|it's|--name|7|None|None"


def test_an_element_is_told_its_index_too(tmp_path, job) -> None:
    said = execute(tmp_path, replace(job, count=5))

    assert said == f"{job.directory}|a b|$x|it's|--name|6_3|--element|3|None|None"


def test_variables_are_text_and_setup_is_shell(tmp_path, job) -> None:
    said = execute(tmp_path, job, env={"A": "it's $B"}, setup="export B=1", time="1h", warn="2m")

    assert said.endswith("|it's $B|120")


def test_a_container_comes_before_the_interpreter(tmp_path, job) -> None:
    assert execute(tmp_path, job, container=["env", "A=in the box"]).endswith("|in the box|None")


def test_the_exit_code_is_that_of_the_program(tmp_path, job) -> None:
    execute(tmp_path, replace(job, command=(sys.executable, "-c", "raise SystemExit(5)")), code=5)


def test_nothing_runs_where_it_should_not(tmp_path, job) -> None:
    execute(tmp_path, replace(job, directory=tmp_path / "nowhere"), code=1)


@pytest.mark.parametrize("what", [{"name": "a\nb"}, {"output": JOB.output / "a\nb"}])
def test_what_cannot_be_on_one_line_is_refused(what) -> None:
    with pytest.raises(ProfileError, match="line break or control character"):
        render(SLURM, Slurm(), replace(JOB, **what))
