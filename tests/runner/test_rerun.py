"""``typedxp rerun``: new runs of old ones, from the code that these had, with the same configs."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from typedxp.store.directory import RunDirectory, dump
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus

SCRIPT = """
import os
from pathlib import Path
from pydantic import BaseModel, SecretStr
import typedxp
import values

class Config(BaseModel):
    seed: int = 0
    note: str = "é: 'x'"

class Locked(Config):
    token: SecretStr = SecretStr("")

@typedxp.experiment
def train(config: Config, run: typedxp.Run) -> None:
    data = Path("data/numbers.txt")
    run.log(seed=config.seed, version=values.VERSION, data=data.read_text() if data.exists() else "none")

@typedxp.experiment
def locked(config: Locked, run: typedxp.Run) -> None:
    run.log(length=len(config.token.get_secret_value()))

if __name__ == "__main__":
    (locked if "SECRET" in os.environ else train).main()
"""


@pytest.fixture
def project(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "values.py").write_text("VERSION = 'A'\n")
    (tmp_path / ".gitignore").write_text("logs/\ndata/\n__pycache__/\n")
    shell("git init --quiet && git add . && git -c user.name=a -c user.email=a@b commit --quiet -m first")


def run(tmp_path, number):
    return Store(tmp_path / "logs").run(number)


def logged(tmp_path, number, key):
    values = run(tmp_path, number).stream("train").read_text()
    return f'"{key}":' in values and values.split(f'"{key}":')[1].split(",")[0].strip('"')


def test_a_new_run_has_the_config_and_the_code_of_the_old_one(shell, tmp_path, project):
    (tmp_path / "values.py").write_text("VERSION = 'dirty'\n")
    shell("python train.py seed=3,4")
    (tmp_path / "values.py").write_text("VERSION = 'B'\n")

    said = shell("typedxp rerun 2 1 2")

    assert "run 2 again: run 3 completed" in said
    assert "run 1 again: run 4 completed" in said
    old, new = (run(tmp_path, number) for number in (2, 3))
    before, after = old.read_record(), new.read_record()
    assert (new.path / "config.yaml").read_bytes() == (old.path / "config.yaml").read_bytes()
    assert logged(tmp_path, 3, "version") == "dirty"
    assert (after.rerun_of, before.rerun_of) == (2, None)
    assert after.sweep == run(tmp_path, 4).read_record().sweep != before.sweep
    assert after.command == ("typedxp", "rerun", "2", "1")
    assert (after.code, after.digest, after.point, after.labels) == (
        before.code,
        before.digest,
        {"seed": 4},
        before.labels,
    )
    assert "rerun_of" in shell("typedxp fields")


def test_todays_code_is_executed_if_that_is_wanted(shell, tmp_path, project):
    shell("python train.py")
    # Of another length: Python tells by that, and by the second, whether what it has compiled is up to date.
    (tmp_path / "values.py").write_text("VERSION = 'today'\n")

    shell("typedxp rerun 1 --in-place-code")

    assert logged(tmp_path, 2, "version") == "today"
    code, before = run(tmp_path, 2).read_record().code, run(tmp_path, 1).read_record().code
    assert code.tree != before.tree
    assert code.dirty


def test_runs_can_be_made_again_from_elsewhere_and_when_their_checkout_is_gone(shell, tmp_path, project):
    shell("python train.py -j 1")
    shell("chmod -R u+w logs/.typedxp/checkouts && rm -r logs/.typedxp")
    shell("rm train.py values.py")

    shell("mkdir -p elsewhere && cd elsewhere && typedxp rerun 1 --logs ../logs")

    assert logged(tmp_path, 2, "version") == "A"


def test_a_repository_that_was_moved_is_named(shell, tmp_path, project):
    shell("mkdir project && mv *.py .git .gitignore project && cd project && python train.py xp.logs=../logs")
    shutil.move(tmp_path / "project", tmp_path / "moved")

    refused = shell("typedxp rerun 1", code=2)
    shell("typedxp rerun 1 --repository moved")

    assert "If the repository was moved, say where it is: --repository PATH." in refused
    assert logged(tmp_path, 2, "version") == "A"


def test_data_that_git_ignores_is_linked_in(shell, tmp_path, project):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "numbers.txt").write_text("7")
    shell("python train.py")

    shell("typedxp rerun 1 && typedxp rerun 1 --link data")

    assert [logged(tmp_path, number, "data") for number in (1, 2, 3)] == ["7", "none", "7"]
    assert "launched with data linked into its code by xp.links. Name it: --link data." in shell(
        "python train.py -j 1 xp.links=data && chmod -R u+w logs/.typedxp/checkouts && rm -r logs/.typedxp "
        "&& typedxp rerun 4",
        code=2,
    )


def test_secrets_have_to_be_given_again_and_not_on_the_command_line(shell, tmp_path, project):
    shell("SECRET=1 python train.py token=abcdefg")

    refused = shell("typedxp rerun 1", code=2)
    shell("TOKEN=12345 typedxp rerun 1 --secret token=TOKEN")

    assert "Run 1 needs the secret token, which is not written down." in refused
    assert "--secret token=VARIABLE" in refused
    assert logged(tmp_path, 2, "length") == "5"
    assert not shell("grep -rl 12345 logs; true").replace("logs/2/metrics", "")


def test_a_run_that_fails_again_is_told(shell, tmp_path, project):
    (tmp_path / "values.py").write_text("VERSION = 1 / 0\n")
    shell("python train.py", code=1)
    (tmp_path / "values.py").write_text("VERSION = 'late'\n")
    shell("python train.py")
    (tmp_path / "values.py").write_text("VERSION = 1 / 0\n")

    assert "run 1 again: run 2 failed: " in shell("typedxp rerun 1 --in-place-code", code=1)
    assert run(tmp_path, 2).read_status().status is RunStatus.FAILED


def change_record(directory: RunDirectory, **changes):
    record = replace(directory.read_record(), **changes)
    (directory.path / "run.json").write_bytes(dump(record))


def test_what_is_different_in_the_environment_is_told(shell, tmp_path, project):
    shell("python train.py seed=0,1")
    for number in (1, 2):
        directory = run(tmp_path, number)
        facts = replace(directory.read_record().environment, host="elsewhere", python="3.9.0", document=None)
        change_record(directory, environment=facts)

    said = shell("typedxp rerun 1 2")

    assert "Different from the environment of runs 1, 2:" in said
    assert f"  host: elsewhere -> {os.uname().nodename}" in said
    assert "  Python: 3.9.0 -> 3." in said


def test_packages_that_are_different_are_told(shell, tmp_path, project):
    shell("python train.py")
    directory, store = run(tmp_path, 1), Store(tmp_path / "logs")
    record = directory.read_record()
    document = store.read_environment(record.environment.document)
    packages = dict(document.distributions)
    packages["numpy"] = replace(packages["numpy"], version="0.1")
    packages["left-over"] = replace(packages.pop("click"), version="9")
    changed = store.write_document(replace(document, distributions=packages))
    change_record(directory, environment=replace(record.environment, document=changed))

    said = shell("typedxp rerun 1")

    assert "package numpy: 0.1 -> " in said
    assert "package left-over: 9 -> none" in said
    assert "package click: none -> " in said
    again = run(tmp_path, 2).read_record().environment
    assert store.read_environment(again.document).distributions["numpy"].version != "0.1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code": None}, "Of the code of run 1 no snapshot was kept. --in-place-code executes today's."),
        ({"experiment": None}, "Run 1 is of an experiment that was typed into a notebook or a prompt"),
    ],
)
def test_what_cannot_be_made_again_is_refused_and_nothing_is_made(shell, tmp_path, project, change, message):
    shell("python train.py")
    directory = run(tmp_path, 1)
    if "experiment" in change:
        change = {"experiment": replace(directory.read_record().experiment, module=None, file=None)}
    change_record(directory, **change)

    assert message in shell("typedxp rerun 1", code=2)
    assert [found.id for found in Store(tmp_path / "logs").runs()] == [1]


def test_without_its_script_todays_code_cannot_be_executed(shell, tmp_path, project):
    shell("python train.py && rm train.py")

    assert "train.py any more, of which run 1 was made." in shell("typedxp rerun 1 --in-place-code", code=2)
    assert "There is no run 9 in logs." in shell("typedxp rerun 9", code=2)
    assert "Missing argument" in shell("typedxp rerun", code=2)
