"""``typedxp code``: the files of a run, as they were."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import COMMIT, SCRIPT


@pytest.fixture
def project(shell, tmp_path):
    """A project whose script was changed, and run, and changed again."""
    place = tmp_path / "project"
    place.mkdir()
    (place / ".gitignore").write_text("logs/\n")
    (place / "train.py").write_text(SCRIPT)
    shell(f"cd project && {COMMIT}")
    shell("cd project && git remote add origin https://me:secret@git.example.org/me/project.git")
    (place / "train.py").write_text(SCRIPT + "# as it ran\n")
    (place / "new file.txt").write_text("untracked\n")
    shell("cd project && python train.py xp.logs=../logs")
    (place / "train.py").write_text(SCRIPT + "# later\n")
    return place


def test_the_files_come_into_a_directory_as_they_were(project, shell, tmp_path):
    assert shell("typedxp code 1 then/here") == "then/here\n"

    assert (tmp_path / "then" / "here" / "train.py").read_text() == SCRIPT + "# as it ran\n"
    assert (tmp_path / "then" / "here" / "new file.txt").read_text() == "untracked\n"
    assert (project / "train.py").read_text() == SCRIPT + "# later\n"


def test_a_directory_that_holds_something_is_refused(project, shell, tmp_path):
    assert shell("typedxp code 1 project", code=2).startswith("typedxp: project is not empty.")
    assert not (tmp_path / "then").exists()


def test_without_a_directory_it_says_which_code_it_was(project, shell):
    code = json.loads(shell("typedxp code 1 --json"))["code"]
    lines = dict(line.split(None, 1) for line in shell("typedxp code 1").splitlines() if ": " in line)

    assert lines["repository:"] == str(project)
    assert lines["remote:"] == code["remote"] == "https://git.example.org/me/project.git"
    assert lines["branch:"] == "main"
    assert (lines["tree:"], lines["snapshot:"]) == (code["tree"], code["snapshot"])
    assert lines["changes:"] == "2 since the commit"
    assert "typedxp code 1 DIRECTORY" in shell("typedxp code 1")


def test_a_repository_that_was_moved_is_asked_for_and_found(project, shell, tmp_path):
    project.rename(tmp_path / "elsewhere")

    said = shell("typedxp code 1 then", code=2)
    assert f"is in no git repository at {project}" in said
    assert "--repository PATH" in said
    assert shell("typedxp code 1 then --repository elsewhere") == "then\n"
    assert shell("cd elsewhere && typedxp code 1 ../again --logs ../logs") == "../again\n"
    assert (tmp_path / "again" / "train.py").read_text() == SCRIPT + "# as it ran\n"


def test_a_snapshot_that_is_gone_is_said(project, shell):
    shell("cd project && git for-each-ref --format='delete %(refname)' refs/typedxp | git update-ref --stdin")
    shell("cd project && git gc --quiet --prune=now")

    assert "git fetch" in shell("typedxp code 1 then", code=2)


def test_a_run_outside_of_git_has_no_code(shell, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    shell("python train.py")

    assert shell("typedxp code 1") == "Run 1 was not launched from a git repository.\n"
    assert "it was not launched from a git repository" in shell("typedxp code 1 then", code=2)
    assert json.loads(shell("typedxp code 1 --json")) == {"run": 1, "code": None}
