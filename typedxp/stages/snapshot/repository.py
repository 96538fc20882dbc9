"""Owns the door to git: how a repository is found, and asked, without touching what is the user's.

The user's index is only read; what has to be written, is written into a copy. Nothing that a repository is configured
with is run, but for what `git status` runs as well: the filters that turn the content of files into what git keeps.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any

from typedxp.vocabulary.records import Code

if TYPE_CHECKING:
    import git


_importing = threading.Lock()

_SETTINGS = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    # Else our copy of the index would leave half of itself among the user's files.
    "core.splitIndex=false",
    # Nobody reads our copy but us, at once.
    "index.skipHash=true",
    "core.logAllRefUpdates=false",
    # Lines that end unlike the rest are no reason to record nothing.
    "core.safecrlf=false",
    # Two launchers may protect the same snapshot.
    "core.filesRefLockTimeout=5000",
)


@dataclass(frozen=True)
class Repository:
    """A repository with a working tree. ``index`` is a copy of its index that stands in for it."""

    git: git.Repo
    settings: tuple[str, ...] = ()
    index: Path | None = None

    @property
    def root(self) -> Path:
        """The directory of the working tree."""
        return Path(str(self.git.working_tree_dir))

    @contextmanager
    def copied(self) -> Iterator[Repository]:
        """Let git write into a copy of the index."""
        with TemporaryDirectory(prefix="typedxp-") as desk:
            index = Path(desk) / "index"
            with suppress(FileNotFoundError), self._index.open("rb") as file:
                index.write_bytes(file.read())
                # By the age of its index git tells which files may have changed within the same moment.
                stat = os.fstat(file.fileno())
                os.utime(index, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            yield replace(self, index=index)

    @property
    def _index(self) -> Path:
        return self.index or Path(self.git.git_dir) / "index"

    def ask(self, *command: str, told: bytes | None = None) -> bytes:
        """Run a git command in the root, with ``told`` on its standard input; return what it printed.

        Raises:
            git.GitCommandError: it failed.
            git.GitCommandNotFound: there is no git.
        """
        return self.start(*command, told=told).answer()

    def start(self, *command: str, told: bytes | None = None) -> Asked:
        """Start a git command, as :meth:`ask` does, without waiting for it.

        Raises:
            git.GitCommandNotFound: there is no git.
        """
        # GitPython would expand what looks like a variable in the path, and go somewhere else.
        where = ["-C", str(self.root)]
        settings = [word for setting in (*_SETTINGS, *self.settings) for word in ("-c", setting)]
        with TemporaryFile() if told is not None else nullcontext() as stdin:
            if stdin is not None:
                stdin.write(told or b"")
                stdin.seek(0)
            process = self.git.git.execute(
                [self.git.git.GIT_PYTHON_GIT_EXECUTABLE, *where, "--no-optional-locks", *settings, *command],
                istream=stdin,
                env={
                    "GIT_INDEX_FILE": str(self._index),
                    "GIT_LITERAL_PATHSPECS": "0",
                    "GIT_TERMINAL_PROMPT": "0",
                    # Whatever is missing of a partial clone is not fetched for this.
                    "GIT_ALLOW_PROTOCOL": "none",
                    "GIT_NO_LAZY_FETCH": "1",
                    # A snapshot is what its name says, also where git shows something else in the place of an object.
                    "GIT_NO_REPLACE_OBJECTS": "1",
                },
                as_process=True,
            )
        return Asked(command, process)


@dataclass(frozen=True)
class Asked:
    """A git command that was started."""

    command: tuple[str, ...]
    process: Any

    def answer(self) -> bytes:
        """Wait until it has ended; return what it printed.

        Raises:
            git.GitCommandError: it failed.
        """
        answer: bytes
        answer, errors = self.process.proc.communicate()
        if self.process.proc.returncode != 0:
            raise load_git().GitCommandError(["git", *self.command], self.process.proc.returncode, errors, answer)
        return answer


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


def find(place: Path) -> git.Repo | None:
    """Return the repository in whose working tree ``place`` lies, to be closed; None outside of any."""
    repository = open_repository(place)
    if repository is not None and repository.working_tree_dir is None:
        repository.close()
        return None
    return repository


def open_repository(place: Path, *settings: str) -> git.Repo | None:
    """Return the repository that ``place`` lies in, bare or not, to be closed; None outside of any.

    The commands that are run by its ``git`` go by ``settings`` (``core.fsmonitor=false``) before those of the user.
    """
    known = load_git()
    try:
        repository: git.Repo = known.Repo(place, search_parent_directories=True, expand_vars=False)
    except (known.InvalidGitRepositoryError, known.NoSuchPathError, ValueError, OSError):
        # A damaged repository must not keep anyone from running code.
        return None
    # GitPython would expand what looks like a variable in the path, and go somewhere else.
    repository.git.set_persistent_git_options(C=str(repository.working_dir), c=list(settings))
    return repository


def quoted(path: bytes) -> bytes:
    """Quote a path as C does, so that git takes it for nothing else on a line, or in a list with colons."""
    return b'"' + path.replace(b"\\", rb"\\").replace(b'"', rb"\"").replace(b"\n", rb"\n") + b'"'


def untrusted(repository: git.Repo) -> Repository:
    """Return a repository in which no filters are run: `git status` in the one around it would not, either."""
    opened = Repository(repository)
    return replace(opened, settings=tuple(_no_filters(opened)))


def _no_filters(repository: Repository) -> Iterable[str]:
    # With what matches everything, since git fails where nothing does.
    keys = repository.ask("config", "--null", "--name-only", "--list").decode(errors="surrogateescape").split("\0")
    for key in keys:
        if key.startswith("filter.") and key.endswith((".clean", ".process")):
            yield f"{key}="
        if key.startswith("filter.") and key.endswith(".required"):
            yield f"{key}=false"


def read_files(place: Path) -> Code | None:
    """Tell what the files of a repository tell without git: the commit, but not whether the tree is dirty."""
    repository = find(place)
    if repository is None:
        return None
    with repository:
        head, commit, branch = repository.head, None, None
        with suppress(ValueError, TypeError, OSError):
            branch = None if head.is_detached else head.reference.name
            commit = head.dereference_recursive(repository, head.path)
        return Code(root=str(repository.working_tree_dir), commit=commit, branch=branch, dirty=None)


def reason(error: Exception) -> str:
    """Say in the words of git, or of the system, what went wrong."""
    text = str(getattr(error, "stderr", None) or getattr(error, "strerror", None) or error)
    lines: Sequence[str] = text.strip().removeprefix("stderr:").strip().strip("'").strip().splitlines()
    return lines[0].removeprefix("fatal: ").removeprefix("error: ").rstrip(".") if lines else type(error).__name__
