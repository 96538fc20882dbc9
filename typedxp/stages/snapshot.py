"""Owns git: which version of the code a run is launched from."""

from __future__ import annotations

import os
from pathlib import Path

from typedxp.vocabulary.records import Code


def code_version(place: Path) -> Code | None:
    """Describe the git repository that ``place`` lies in, without touching it; None outside of any repository."""
    # Without this, GitPython starts git to ask for its version when it is imported, and fails where there is none.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import git

    try:
        with git.Repo(place, search_parent_directories=True) as repository:
            if repository.working_tree_dir is None:
                return None
            # --no-optional-locks: looking must not write the user's index.
            changes = repository.git(no_optional_locks=True).status("--porcelain", "--untracked-files=normal")
            return Code(
                root=str(repository.working_tree_dir),
                commit=repository.head.commit.hexsha if repository.head.is_valid() else None,
                branch=None if repository.head.is_detached else repository.active_branch.name,
                dirty=bool(changes),
            )
    except (git.InvalidGitRepositoryError, git.NoSuchPathError, git.GitCommandNotFound):
        return None
    except (git.GitCommandError, ValueError, OSError):
        # A damaged repository must not keep anyone from running code.
        return None
