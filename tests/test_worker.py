"""The worker's entry point, as a scheduler's job calls it."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

from typedxp.stages.allocate import Origin, allocate
from typedxp.store.store import Store
from typedxp.vocabulary.plan import Judged, Plan, RunSpec
from typedxp.vocabulary.records import ExperimentRef, Recording

SCRIPT = """
import os, sys
from typing import Optional
from pydantic import SecretStr
import typedxp

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0, token: SecretStr = SecretStr("")) -> None:
    run.log(seed=seed, argv=len(sys.argv), length=len(token.get_secret_value()), name=__name__)
    if seed == 9:
        raise ValueError("nine")
"""


@pytest.fixture
def planned(tmp_path):
    """Plan one run with this config, of an experiment in ``script``."""

    def plan(config, script=SCRIPT, secrets=None, name="train"):
        (tmp_path / "train.py").write_text(script)
        ref = ExperimentRef(name, None, str(tmp_path / "train.py"), "train")
        spec = RunSpec("digest", Judged(None, config, secrets or {}), {}, {}, {}, ())
        origin = Origin(ref, None, {}, None, Recording(timestamps=False), [])
        [directory] = allocate(Store(tmp_path / "logs"), Plan((spec,)), origin)
        return directory

    return plan


def work(directory, text="", at: Path | None = None):
    command = [sys.executable, "-P", "-m", "typedxp.worker", str(directory.path)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=at)


def test_a_worker_executes_the_run_of_its_directory(planned, tmp_path):
    run = planned({"seed": 3, "token": ""})

    done = work(run, at=Path("/"))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run.read_status().status == "completed"
    assert run.read_status().attempt == 1
    assert json.loads(run.stream("train").read_text()) == {"seed": 3, "argv": 2, "length": 0, "name": "train"}


GARBAGE = """
import gc
import typedxp
{said}

@typedxp.experiment
def train(run: typedxp.Run) -> None:
    run.log(enabled=gc.isenabled(), often=gc.get_threshold()[0])
"""


@pytest.mark.parametrize(
    ("said", "enabled", "often"),
    [
        ("", True, gc.get_threshold()[0]),
        ("gc.disable()", False, gc.get_threshold()[0]),
        ("gc.set_threshold(9)", True, 9),
    ],
)
def test_garbage_is_collected_as_usual_unless_the_script_says_otherwise(planned, said, enabled, often):
    run = planned({}, GARBAGE.format(said=said))

    assert work(run).returncode == 0
    assert json.loads(run.stream("train").read_text()) == {"enabled": enabled, "often": often}


def test_a_second_attempt_is_counted_and_sets_aside_what_the_first_one_logged(planned):
    run = planned({"seed": 9, "token": ""})
    work(run)
    first = run.stream("train").read_bytes()

    assert work(run).returncode == 1
    assert run.read_status().attempt == 2
    assert run.read_status().streams["train"].records == 1
    assert (run.metrics / "superseded" / "1" / "train.jsonl").read_bytes() == first


def test_a_run_that_completed_is_not_executed_again(planned):
    run = planned({"seed": 3, "token": ""})
    work(run)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}

    done = work(run)

    assert (done.returncode, done.stderr) == (75, "typedxp: Run 1 was executed by another process: it is completed.\n")
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_a_failure_is_exit_code_1(planned):
    run = planned({"seed": 9, "token": ""})

    assert work(run).returncode == 1
    assert run.read_status().cause == "ValueError: nine"


def test_secrets_come_by_standard_input_or_not_at_all(planned):
    run = planned({"seed": 1, "token": "**********"}, secrets={"token": "12345"})

    assert work(run).returncode == 1
    assert run.read_status().cause == "ExecutionError: Run 1 needs secrets that are not written down: token."
    assert work(run, '{"token": "12345"}').returncode == 0
    assert '"length":5' in run.stream("train").read_text()


@pytest.mark.parametrize("text", ["{", "[1]", "1", "null"])
def test_standard_input_that_is_no_secrets_is_refused(planned, text):
    run = planned({"seed": 1, "token": ""})

    done = work(run, text)

    assert done.returncode == 2
    assert done.stderr == "typedxp: Standard input holds no JSON object of secrets.\n"


def test_a_directory_that_is_no_run_is_refused(tmp_path, planned):
    run = planned({"seed": 1, "token": ""})
    (run.path / "run.json").unlink()

    done = work(run)

    assert done.returncode == 2
    assert done.stderr.startswith("typedxp: ")
    assert "is not a run: it has no run.json." in done.stderr
    assert subprocess.run(
        [sys.executable, "-m", "typedxp.worker"], capture_output=True, text=True, check=False
    ).stderr == "typedxp: Name one run directory: python -P -m typedxp.worker logs/17\n"  # fmt: skip


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("x = 1", "holds no experiment called 'train'."),
        ("import nothing_like_this", "ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("def f(:", "SyntaxError: invalid syntax"),
        ("import sys; sys.exit()", "exits when it is imported"),
    ],
)
def test_a_script_that_cannot_be_used_is_the_runs_failure(planned, script, cause):
    run = planned({"seed": 1, "token": ""}, script)

    assert work(run).returncode == 1
    assert cause in run.read_status().cause
    assert run.read_status().failure is not None


def test_a_script_that_is_gone_is_the_runs_failure(planned, tmp_path):
    run = planned({"seed": 1, "token": ""})
    (tmp_path / "train.py").unlink()

    assert work(run).returncode == 1
    assert "train.py cannot be loaded: there is no such file." in run.read_status().cause


def test_what_was_validated_is_what_runs_even_if_the_schema_has_changed(planned):
    run = planned({"seed": 1, "token": ""}, SCRIPT.replace("seed: int", "seeds: int").replace("seed=seed", "seed=1"))

    assert work(run).returncode == 1
    assert run.read_status().status == "failed"
