"""A git repository to take snapshots of, and a way to see what was touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from typedxp.stages.snapshot.snapshot import take_snapshot
from typedxp.vocabulary.settings import Settings


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Type git commands in ``tmp_path/project``, by a user without settings of his own."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for name in ("AUTHOR_NAME", "COMMITTER_NAME", "AUTHOR_EMAIL", "COMMITTER_EMAIL"):
        monkeypatch.setenv(f"GIT_{name}", "a@b")
    project = tmp_path / "project"
    project.mkdir()

    def type_in(*arguments: str, at: Path = project) -> str:
        done = subprocess.run(["git", *arguments], cwd=at, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    type_in("init", "--quiet", "--initial-branch=main")
    return type_in


@pytest.fixture
def project(git, tmp_path):
    """A repository with one commit and nothing else."""
    path = tmp_path / "project"
    (path / "src").mkdir()
    (path / "src" / "train.py").write_text("x = 1\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    return path


@pytest.fixture
def added(git, project, tmp_path):
    """Name the tree that `git add --all` would make, with an index of its own."""

    def added(at: Path = project) -> str:
        index = tmp_path / os.urandom(4).hex()
        own = Path(git("rev-parse", "--absolute-git-dir", at=at)) / "index"
        if own.exists():
            shutil.copy2(own, index)
        type_in = partial(subprocess.run, cwd=at, check=True, capture_output=True, text=True)
        environment = {**os.environ, "GIT_INDEX_FILE": str(index)}
        type_in(["git", "add", "--all"], env=environment)
        return type_in(["git", "write-tree"], env=environment).stdout.strip()

    return added


@pytest.fixture
def take():
    """Take a snapshot of what a place lies in, with settings as under ``xp``."""

    def take(place: Path, **settings):
        return take_snapshot(place, Settings.model_validate({"logs": place / "nowhere", **settings}))

    return take


@pytest.fixture
def users(git, project):
    """Tell all that is the user's: his refs, index, reflogs, files, and what git says; not what is kept for runs."""

    def users(at: Path = project):
        directory = Path(git("rev-parse", "--absolute-git-dir", at=at))
        kept = {"objects", "typedxp"}
        files = [path for path in directory.rglob("*") if path.is_file() and not kept & set(path.parts)]
        tree = [path for path in at.rglob("*") if ".git" not in path.parts and path.is_file()]
        # Git itself touches what a split index shares whenever it is read.
        times = {path: path.stat().st_mtime_ns for path in (*files, *tree) if "sharedindex" not in path.name}
        return (
            {path: path.read_bytes() for path in (*files, *tree)},
            times,
            git("--no-optional-locks", "status", "--porcelain=v2", "--branch", "--show-stash", at=at),
            git("stash", "list", at=at),
        )

    return users
