"""The version of the code is told right in every kind of repository, and looking changes nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from typedxp.stages.snapshot.snapshot import take_snapshot
from typedxp.vocabulary.settings import Settings


def version(place: Path, store: Path = Path("/nowhere")):
    return take_snapshot(place, Settings(snapshot="off", logs=store)).code


def test_a_clean_tree(git, project):
    code = version(project / "src")

    assert code.root == str(project)
    assert code.commit == git("rev-parse", "HEAD")
    assert (code.branch, code.dirty) == ("main", False)


@pytest.mark.parametrize("change", ["edited", "staged", "untracked", "deleted"])
def test_a_dirty_tree_and_nothing_is_touched(git, project, change):
    file = project / "src" / "train.py"
    if change in ("edited", "staged"):
        file.write_text("x = 2\n")
    if change == "staged":
        git("add", ".")
    if change == "untracked":
        (project / "new file\n").write_text("")
    if change == "deleted":
        file.unlink()
    before = {path: path.read_bytes() for path in (project / ".git").rglob("*") if path.is_file()}

    assert version(project).dirty is True
    assert {path: path.read_bytes() for path in (project / ".git").rglob("*") if path.is_file()} == before


def test_a_tree_whose_files_were_only_touched_is_clean_and_its_index_stays(git, project):
    os.utime(project / "src" / "train.py", (1, 1))
    before = (project / ".git" / "index").read_bytes()

    assert version(project).dirty is False
    assert (project / ".git" / "index").read_bytes() == before


def test_ignored_files_are_no_change(git, project):
    (project / ".git" / "info" / "exclude").write_text("logs/\n")
    (project / "logs").mkdir()
    (project / "logs" / "1").write_text("")

    assert version(project).dirty is False


def test_before_the_first_commit(git, tmp_path):
    (tmp_path / "project" / "train.py").write_text("")

    code = version(tmp_path / "project")

    assert (code.commit, code.branch, code.dirty) == (None, "main", True)


def test_a_detached_head(git, project):
    git("checkout", "--quiet", "--detach")

    assert version(project).branch is None
    assert version(project).commit == git("rev-parse", "HEAD")


def test_a_branch_with_packed_refs_and_a_name_with_slashes(git, project):
    git("checkout", "--quiet", "-b", "feature/é x".replace(" ", "-"))
    git("pack-refs", "--all")

    assert version(project).branch == "feature/é-x"
    assert version(project).commit == git("rev-parse", "HEAD")


def test_a_worktree(git, project, tmp_path):
    git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other"))

    code = version(tmp_path / "other" / "src")

    assert (code.root, code.branch, code.dirty) == (str(tmp_path / "other"), "other", False)


def test_a_submodule_is_a_repository_of_its_own(git, project, tmp_path):
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(project), "inner")

    code = version(project / "inner" / "src")

    assert code.root == str(project / "inner")
    assert code.commit == git("rev-parse", "HEAD", at=project / "inner")
    assert version(project).dirty is True


@pytest.mark.parametrize("kind", ["none", "bare", "damaged", "empty"])
def test_outside_of_any_working_tree(git, project, tmp_path, kind):
    place = tmp_path / "elsewhere"
    place.mkdir()
    if kind == "bare":
        git("init", "--quiet", "--bare", at=place)
    if kind == "damaged":
        shutil.copytree(project / ".git", place / ".git")
        (place / ".git" / "HEAD").write_bytes(b"\xff\0 nonsense")
    if kind == "empty":
        (place / ".git").write_text("gitdir: /does/not/exist\n")

    code = version(place)

    assert code is None or (kind == "damaged" and code.commit is None)


def test_a_place_that_does_not_exist(tmp_path):
    assert version(tmp_path / "nowhere") is None


@pytest.mark.parametrize("why", ["no git", "not trusted"])
def test_where_git_cannot_be_asked_its_files_tell_the_commit(git, project, monkeypatch, tmp_path, why):
    commit = git("rev-parse", "HEAD")
    if why == "no git":
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    code = version(project)

    assert (code.root, code.commit, code.branch, code.dirty) == (str(project), commit, "main", None)


def test_a_script_runs_where_there_is_no_git(shell, tmp_path):
    (tmp_path / "train.py").write_text(
        "import typedxp\n@typedxp.experiment\ndef train(run, lr: float = 0.1): ...\ntrain.main()\n"
    )

    shell('PYTHON="$(which python)"; PATH=/nothing "$PYTHON" train.py')

    assert '"code": null' in (tmp_path / "logs" / "1" / "run.json").read_text()


def test_nothing_of_the_environment_changes(project, monkeypatch):
    monkeypatch.setenv("GIT_PYTHON_REFRESH", "warn")
    before = dict(os.environ)

    version(project)

    assert dict(os.environ) == before


@pytest.mark.parametrize("name", ["logs", "the [runs]*", "src/ü logs"])
def test_the_runs_of_a_store_do_not_make_the_tree_dirty(git, project, name):
    store = project / name
    (store / "1").mkdir(parents=True)
    (store / "1" / "run.json").write_text("{}")

    assert version(project / "src", store).dirty is False
    assert version(project / "src").dirty is True

    (project / "notes.txt").write_text("not of the store")

    assert version(project / "src", store).dirty is True


def test_a_store_elsewhere_changes_nothing(git, project, tmp_path):
    (project / "src" / "train.py").write_text("x = 2\n")

    assert version(project, tmp_path / "logs").dirty is True
    assert version(project, project).dirty is True
