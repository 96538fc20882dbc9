"""Owns the one thing that is done to the user's branch, when he asks for it: a commit of files that he chose."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from typedxp.errors import SnapshotError
from typedxp.stages.snapshot.repository import find, load_git, reason
from typedxp.stages.snapshot.tree import Change, looked

if TYPE_CHECKING:
    import git


@dataclass(frozen=True)
class Uncommitted:
    """What is not committed in the working tree ``root``; ``branch`` is None where HEAD is detached."""

    root: Path
    branch: str | None
    changes: tuple[Change, ...]


def uncommitted(place: Path, store: Path | None = None) -> Uncommitted | None:
    """Tell what is not committed where ``place`` lies; None outside of any repository. Runs in ``store`` do not count.

    Raises:
        SnapshotError: git refuses to tell.
    """
    try:
        with looked(place, store) as working:
            if working is None:
                return None
            return Uncommitted(working.repository.root, working.branch, working.changes)
    except (load_git().GitError, OSError, ValueError) as error:
        raise SnapshotError(f"git does not tell what is to commit: {reason(error)}.") from error


def commit(root: Path, paths: Sequence[str], message: str) -> str:
    """Commit these files as they are, and nothing else, as by `git commit`: with hooks and signature. Return its hash.

    Raises:
        SnapshotError: git does not; the files may be staged then.
    """
    repository = find(root)
    if repository is None:
        raise SnapshotError(f"{root} is not in a git repository.")
    with repository:
        try:
            _run(repository, paths, "add", "--all")
            _run(repository, paths, "commit", "--quiet", "--only", f"--message={message}")
            return str(repository.head.commit.hexsha)
        except load_git().GitError as error:
            raise SnapshotError(f"git does not commit: {reason(error)}. Nothing was started.") from error


def _run(repository: git.Repo, paths: Sequence[str], *command: str) -> None:
    program = repository.git.GIT_PYTHON_GIT_EXECUTABLE
    with TemporaryFile() as names:
        names.write(b"\0".join(os.fsencode(path) for path in paths))
        names.seek(0)
        repository.git.execute(
            [
                program,
                "-C",
                str(repository.working_tree_dir),
                "--literal-pathspecs",
                *command,
                "--pathspec-from-file=-",
                "--pathspec-file-nul",
            ],
            istream=names,
        )
