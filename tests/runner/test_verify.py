"""``typedxp verify``: runs are made again and compared; what is not reproducible is caught, with where it begins."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import shell_in
from typedxp.results.open import open_results
from typedxp.results.runs.listing import list_runs
from typedxp.store import verifications
from typedxp.store.store import Store
from typedxp.vocabulary.verification import MISSING, Difference, Outcome

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "train.py"

WALK = """
import json, os, random, time
from pathlib import Path
import numpy as np
import typedxp

@typedxp.experiment
def walk(
    run: typedxp.Run, seed: int = 0, steps: int = 5, noise: float = 0.0, first: int = 0, slow: bool = False
) -> None:
    rng, chance = random.Random(seed), random.Random(time.time_ns())
    again = "verify-" in str(run.directory) or "kept" in str(run.directory)
    if again and Path("fail").exists():
        raise RuntimeError("not this time")
    position = 0.0
    for step in range(steps):
        position += rng.gauss(0, 1)
        run.log(position=position + noise * chance.random() * (step >= first), constant=1)
        if again and slow:
            print("waiting", flush=True)
            time.sleep(60)
    run.log_artifact(np.full(3, position) + noise * chance.random(), "last.npy")
    if noise:
        run.log_metrics({"seconds": chance.random()}, stream="timing")

if __name__ == "__main__":
    walk.main()
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A walk in a repository, which is random, and not by its seed alone, if it is told so."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    make_project(tmp_path)


def make_project(place):
    (place / "walk.py").write_text(WALK)
    (place / ".gitignore").write_text("logs/\nfail\nkept/\n")
    shell_in(place)("git init --quiet && git add . && git -c user.name=a -c user.email=a@b commit --quiet -m first")


@pytest.fixture(scope="module")
def one_failed(original):
    """Make a run that completed and one that failed."""
    make_project(original.project)
    shell_in(original.project)("python walk.py seed=0,1")
    status = Store(original.project / "logs").run(2).status_file
    status.write_text(status.read_text().replace('"completed"', '"failed"'))
    original.keep()
    return original


def verified(tmp_path, number):
    return verifications.read(Store(tmp_path / "logs").run(number))


def scratch(tmp_path):
    return list((tmp_path / "logs" / ".typedxp").glob("verify-*"))


def test_the_digits_are_learned_again_bit_by_bit(shell, tmp_path):
    shutil.copy(DIGITS, tmp_path / "train.py")
    shell("git init --quiet && echo logs/ > .gitignore")
    shell("python train.py epochs=2 optimizer=sgd,adam")

    said = shell("typedxp verify 1 2")

    assert "run 1: identical" in said
    assert "test, train  identical" in said
    assert said.splitlines()[-1] == "2 runs compared: 2 identical."
    outcome = verified(tmp_path, 1)
    assert outcome.outcome is Outcome.IDENTICAL
    assert [part.name for part in outcome.parts] == ["test", "train"]
    assert outcome.code == Store(tmp_path / "logs").run(1).read_record().code.snapshot
    assert not outcome.in_place_code
    assert [run.id for run in Store(tmp_path / "logs").runs()] == [1, 2]
    assert scratch(tmp_path) == []


def test_what_is_random_is_caught_with_the_first_record_that_differs(shell, tmp_path, project):
    shell("python walk.py noise=1.0 first=2")

    said = shell("typedxp verify 1", code=1)

    found = verified(tmp_path, 1)
    parts = {part.name: part for part in found.parts}
    assert found.outcome is Outcome.DIFFERENT
    assert (parts["train"].difference.record, parts["train"].difference.key) == (3, "position")
    logged = Store(tmp_path / "logs").run(1).stream("train").read_text().splitlines()[2]
    assert parts["train"].difference.recorded == json.loads(logged)["position"]
    assert parts["last.npy"].difference.key == "[0]"
    assert "run 1: different" in said
    assert "first at record 3 position:" in said
    listed = list_runs(tmp_path / "logs", ["run", "verified"])
    assert listed.columns == {"run": [1], "verified": ["different"]}


def test_what_is_verified_later_is_seen_by_those_who_have_read_the_runs_before(shell, tmp_path, project):
    shell("python walk.py seed=0,1 noise=0.0,1.0")
    logs = tmp_path / "logs"
    assert list_runs(logs, ["run"], "verified == 'identical'").columns["run"] == []

    shell("typedxp verify 1 2", code=1)

    assert list_runs(logs, ["verified"]).columns["verified"] == ["identical", "different", None, None]
    assert "identical" in shell("typedxp ls --columns run,verified")
    shell("typedxp verify 2 --atol 10")
    assert list_runs(logs, ["verified"]).columns["verified"] == ["identical", "equal", None, None]
    seen = open_results(logs, where="noise == 1 or seed == 0")["verified"]
    assert seen.sel(seed=0).values.tolist() == ["identical", "equal"]
    assert seen.sel(seed=1, noise=1).item() == ""


def test_numbers_within_a_tolerance_are_equal_and_patterns_are_ignored(shell, tmp_path, project):
    shell("python walk.py noise=1e-9")

    strict = shell("typedxp verify 1", code=1)
    said = shell("typedxp verify 1 --atol 1e-8 --ignore '*.seconds'")

    assert "at most" in strict
    assert "run 1: equal" in said
    found = verified(tmp_path, 1)
    assert (found.outcome, found.atol, found.ignored) == (Outcome.EQUAL, 1e-8, ("*.seconds",))
    assert {part.name: str(part.outcome) for part in found.parts} == {
        "train": "equal",
        "timing": "identical",
        "last.npy": "equal",
    }


def test_the_code_that_is_executed_is_that_of_the_run(shell, tmp_path, project):
    shell("python walk.py")
    (tmp_path / "walk.py").write_text(WALK.replace("rng.gauss(0, 1)", "rng.gauss(1, 1)"))

    shell("typedxp verify 1")
    assert verified(tmp_path, 1).outcome is Outcome.IDENTICAL

    shell("typedxp verify 1 --in-place-code", code=1)
    found = verified(tmp_path, 1)
    assert (found.outcome, found.in_place_code) == (Outcome.DIFFERENT, True)


def test_a_run_that_fails_when_it_is_made_again_is_told_with_its_traceback(shell, tmp_path, project):
    shell("python walk.py && touch fail")

    said = shell("typedxp verify 1 --in-place-code", code=1)

    assert "run 1: failed" in said
    assert "RuntimeError: not this time" in said
    found = verified(tmp_path, 1)
    assert found.outcome is Outcome.FAILED
    assert "RuntimeError: not this time" in found.cause
    assert found.parts == ()
    assert scratch(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_verification_leaves_nothing(shell, tmp_path, project, number):
    shell("python walk.py slow=true")
    before = set((tmp_path / "logs" / "1").rglob("*"))
    command = [sys.executable, "-m", "typedxp", "verify", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        waiting = time.monotonic() + 60
        while not any(
            "waiting" in log.read_text() for place in scratch(tmp_path) for log in place.glob("1/stdout.log")
        ):
            assert time.monotonic() < waiting
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(60) == 128 + number

    assert scratch(tmp_path) == []
    assert set((tmp_path / "logs" / "1").rglob("*")) == before


def test_runs_can_be_kept_and_are_compared_some_at_a_time(shell, tmp_path, project):
    shell("python walk.py 'seed=range(3)'")

    told = json.loads(shell("typedxp verify 3 1 --keep kept -j 2 --json"))

    assert [(one["run"], one["outcome"]) for one in told] == [(1, "identical"), (3, "identical")]
    assert sorted(run.read_record().rerun_of for run in Store(tmp_path / "kept").runs()) == [1, 3]


def test_a_sample_is_of_completed_runs_and_the_same_for_the_same_seed(shell, tmp_path, project):
    shell("python walk.py 'seed=range(6)'")
    status = Store(tmp_path / "logs").run(1).status_file
    status.write_text(status.read_text().replace('"completed"', '"failed"'))

    first = [one["run"] for one in json.loads(shell("typedxp verify --sample 2 --seed 7 --where 'seed < 5' --json"))]
    second = [one["run"] for one in json.loads(shell("typedxp verify --sample 2 --seed 7 --where 'seed < 5' --json"))]

    assert first == second
    assert len(set(first)) == 2
    assert set(first) <= {2, 3, 4, 5}


def test_a_stream_that_is_missing_is_different(shell, tmp_path, project):
    shell("python walk.py noise=0.5 && mv logs/1/metrics/timing.jsonl logs/1/metrics/other.jsonl")

    shell("typedxp verify 1 --atol 10", code=1)

    parts = {part.name: part for part in verified(tmp_path, 1).parts}
    assert parts["other"].difference == Difference(1, "", "1 record", MISSING)
    assert parts["timing"].difference == Difference(1, "", MISSING, "1 record")
    assert parts["train"].outcome is Outcome.EQUAL


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "Name runs, or say by --sample how many."),
        ("1 --sample 2", "Name runs, or say by --sample how many."),
        ("1 --where 'seed < 2'", "--where and --seed are for --sample."),
        ("9", "There is no run 9 in logs."),
        ("1 2", "Only completed runs can be verified: run 2 failed."),
        ("--sample 1 --where 'seed == 9'", "There is no completed run in logs with seed == 9."),
        ("1 --secret key", "'key' is not KEY=VARIABLE."),
        ("1 --secret key=NO_SUCH_VARIABLE", "There is no environment variable NO_SUCH_VARIABLE."),
        ("1 --link nothing", "xp.links: there is no nothing."),
        ("1 --repository logs/..", None),
    ],
)
def test_what_cannot_be_verified_is_refused(one_failed, arguments, message):
    project = one_failed.put_back()

    said = shell_in(project)(f"typedxp verify {arguments}", code=2 if message else 0)

    assert message is None or message in said
    assert scratch(project) == []


def test_a_damaged_verification_is_told_and_the_run_still_read(shell, tmp_path, project):
    shell("python walk.py")
    (tmp_path / "logs" / "1" / "verification.json").write_text("{")

    assert "verification.json" in shell("typedxp ls")
    shell("typedxp verify 1")
    assert verified(tmp_path, 1).outcome is Outcome.IDENTICAL
