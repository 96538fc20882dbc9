"""Owns git: which version of the code a run is launched from."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedxp.vocabulary.records import Code

if TYPE_CHECKING:
    import git


_importing = threading.Lock()


def code_version(place: Path, store: Path | None = None) -> Code | None:
    """Describe the git repository that ``place`` lies in, without touching it; None outside of any working tree.

    The runs in ``store`` are no code: they do not make the tree dirty. Where git is missing, or refuses the repository,
    its files tell the commit, but not whether the tree is dirty.
    """
    git = load_git()
    try:
        with git.Repo(place, search_parent_directories=True) as repository:
            if repository.working_tree_dir is None:
                return None
            try:
                return _ask_git(repository, store)
            except (git.GitCommandError, git.GitCommandNotFound):
                return _read_files(repository)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError, ValueError, OSError):
        # A damaged repository must not keep anyone from running code.
        return None


def load_git() -> Any:
    """Import GitPython, which checks for git when it is imported, and would fail where there is none."""
    with _importing:
        before = os.environ.get("GIT_PYTHON_REFRESH")
        os.environ["GIT_PYTHON_REFRESH"] = "quiet"
        try:
            import git
        finally:
            del os.environ["GIT_PYTHON_REFRESH"]
            if before is not None:
                os.environ["GIT_PYTHON_REFRESH"] = before
    return git


def _ask_git(repository: git.Repo, store: Path | None) -> Code:
    """Learn everything from one command; --no-optional-locks, since looking must not write the user's index."""
    root = Path(str(repository.working_tree_dir)).resolve()
    inside = store is not None and store.resolve().is_relative_to(root) and store.resolve() != root
    others = ["--", ":/", f":(top,exclude,literal){store.resolve().relative_to(root)}"] if store and inside else []
    command = repository.git(no_optional_locks=True)
    lines = command.status("--porcelain=v2", "--branch", "--untracked-files=normal", *others).splitlines()
    facts = dict(line.split(" ", 2)[1:] for line in lines if line.startswith("# "))
    commit, branch = facts["branch.oid"], facts["branch.head"]
    return Code(
        root=str(repository.working_tree_dir),
        commit=None if commit == "(initial)" else commit,
        branch=None if branch == "(detached)" else branch,
        dirty=any(not line.startswith("# ") for line in lines),
    )


def _read_files(repository: git.Repo) -> Code:
    head = repository.head
    try:
        commit = head.dereference_recursive(repository, head.path)
    except ValueError:
        commit = None
    branch = None if head.is_detached else head.reference.name
    return Code(root=str(repository.working_tree_dir), commit=commit, branch=branch, dirty=None)
