"""A scheduler of another package works like ours: the one that the documentation makes, installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/how-to/third-party-scheduler.md"
TRAIN = """
from pathlib import Path

import typedxp
from minisched.fake import FakeMini
from typedxp.runner.following import follow
from typedxp.store.store import Store

@typedxp.experiment
def train(run: typedxp.Run, seed: int = 0) -> None:
    run.log(seed=seed)

def submit() -> None:
    with FakeMini() as mini:
        train.sweep({"seed": [1, 2, 3]}, profile="mini", shell=mini)
        mini.drain()
        store = Store(Path("logs"))
        print([(where.status.status.value, where.name) for where in follow(store, store.runs(), print, mini)])

if __name__ == "__main__":
    train.main()
"""


@pytest.fixture
def installed(tmp_path, monkeypatch, request) -> Path:
    """Install the package as pip does: modules, METADATA and entry points in a directory of ``sys.path``."""
    site = tmp_path / "site"
    for block in re.finditer(
        r"^```python\n(# (minisched/\w+\.py)\n.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    ):
        file = site / block[2]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block[1])
    project = re.search(r'^\[project.entry-points."(.*)"\]\n(.*) = "(.*)"$', PAGE.read_text(), re.MULTILINE)
    (site / "minisched-1.0.dist-info").mkdir()
    (site / "minisched-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: minisched\nVersion: 1.0\n")
    (site / "minisched-1.0.dist-info/entry_points.txt").write_text(f"[{project[1]}]\n{project[2]} = {project[3]}\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    (tmp_path / "train.py").write_text(TRAIN)
    return site


# What is installed comes first, for the shell to find it.
def test_its_profile_is_listed_chosen_and_checked(installed, shell):
    assert re.search(r"^mini +mini ", shell("typedxp profiles"), re.MULTILINE)

    shown = shell(
        "git init -q . && python train.py 'seed=range(9)' xp/profile=mini xp.profile.time=90m xp.profile.island=a -n"
    )
    assert "#MINI --array=9\n#MINI --seconds=5400\n#MINI --island=a\n" in shown
    assert '--name "${MINI_JOB}.${MINI_TASK}" --element "$MINI_TASK"' in shown

    refused = shell("python train.py xp/profile=mini xp.profile.mem=4G xp.profile.time=2 xp.profile.iland=a", code=2)
    assert "There is no such setting for mini. Did you mean island?" in refused
    assert "A time is written as" in refused
    assert "mini cannot express: mem" in shell("python train.py xp/profile=mini xp.profile.mem=4G", code=2)


def test_its_jobs_execute_runs(installed, shell):
    said = shell("git init -q . && python -c 'import train; train.submit()'")

    assert said.splitlines()[-1] == str([("completed", f"1.{index}") for index in range(3)])


def test_its_schema_is_written_for_editors(installed, shell, tmp_path):
    shell("typedxp schemas schemas")

    assert (
        '"description": "--island: a part of the cluster"'
        in (tmp_path / "schemas/profiles/mini.schema.json").read_text()
    )


def test_one_that_does_not_load_is_named(installed, shell):
    (installed / "minisched/scheduler.py").write_text("import something_that_is_not_there\n")

    said = shell("git init -q . && python train.py xp/profile=slurm -n")
    assert "#SBATCH" in said
    said = shell("python train.py +xp.profile.scheduler=mini -n", code=2)
    assert "The scheduler 'mini' of the package 'minisched' does not load: No module named" in said
