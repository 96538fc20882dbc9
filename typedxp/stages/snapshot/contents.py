"""Owns the files of a snapshot as git keeps them: which there are, their bytes, and how they come into a directory.

Bytes are read as they were kept. Nothing that a repository is configured with is run: no filter, no hook, no fetch.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from typedxp.errors import SnapshotError
from typedxp.stages.snapshot.loose import umask
from typedxp.stages.snapshot.repository import load_git, open_repository

if TYPE_CHECKING:
    from git import Repo

_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_CHUNK = 1 << 20
_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Entry:
    """One file of a snapshot. ``path`` is relative to the root, with ``/``; ``size`` is in bytes, 0 for a submodule.

    ``repository`` holds it, which is that of a submodule for the files in one.
    """

    path: str
    mode: int
    oid: str
    size: int
    repository: Repo = field(repr=False, compare=False)

    @property
    def link(self) -> bool:
        """Whether it is a symbolic link, whose bytes are where it leads."""
        return self.mode == 0o120000

    @property
    def submodule(self) -> bool:
        """Whether it names the commit of another repository, which is not here."""
        return self.mode == 0o160000

    @property
    def executable(self) -> bool:
        """Whether it may be run as a program."""
        return self.mode == 0o100755


@dataclass(frozen=True)
class Snapshot:
    """The files of a snapshot ``name``, a commit or a tree, which ``repository`` holds."""

    repository: Repo
    name: str
    _others: ExitStack = field(repr=False, compare=False)

    @cached_property
    def tree(self) -> str:
        """The hash of the tree."""
        return str(self.repository.git.rev_parse(f"{self.name}^{{tree}}"))

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every file, in order of path; those of submodules that are here, too.

        Raises:
            SnapshotError: a path leads out of the directory, or into git's own: git does not make such trees.
        """
        entries = tuple(sorted(self._list(self.repository, self.name, ""), key=lambda entry: entry.path))
        for entry in entries:
            parts = PurePosixPath(entry.path).parts
            if entry.path.startswith("/") or any(part == ".." or part.lower() == ".git" for part in parts):
                raise SnapshotError(f"The snapshot {self.name} is not to be trusted: it has a file {entry.path!r}.")
        return entries

    def _list(self, repository: Repo, name: str, above: str) -> Iterator[Entry]:
        options = ("-r", "-z", "-l", "--full-tree", name)
        raw = repository.git.ls_tree(*options, stdout_as_string=False, strip_newline_in_stdout=False)
        for line in raw.split(b"\0")[:-1]:
            entry = _entry(os.fsdecode(line), above, repository)
            inner = self._open(Path(str(repository.working_tree_dir)) / entry.path[len(above) :], entry)
            if inner is None:
                yield entry
            else:
                yield from self._list(inner, entry.oid, f"{entry.path}/")

    def _open(self, place: Path, entry: Entry) -> Repo | None:
        """Open the repository of a submodule, if it is here and holds the commit."""
        if not entry.submodule or not (place / ".git").exists():
            return None
        found = _repository(place)
        if found is None or not holds(self._others.enter_context(found), entry.oid):
            return None
        return found

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of a file, piece by piece; take all of them before asking for another file."""
        stream = entry.repository.git.stream_object_data(entry.oid)[3]
        while piece := stream.read(_CHUNK):
            yield piece

    def read(self, entry: Entry) -> bytes:
        """Return the bytes of a file."""
        return b"".join(self.chunks(entry))

    def authors(self) -> set[str]:
        """Return the names and addresses of those who made the latest commits of the repository."""
        with suppress(load_git().GitCommandError):
            return {word for word in self.repository.git.log("-n", "500", "--format=%an%n%ae").splitlines() if word}
        # There is no commit yet.
        return set()

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What is not there: submodules that were never fetched, and large files of which git-lfs left a pointer."""
        modules = [entry.path for entry in self.entries if entry.submodule]
        small = (entry for entry in self.entries if not (entry.submodule or entry.link) and 100 < entry.size < 300)
        pointers = [entry.path for entry in small if self.read(entry).startswith(_POINTER)]
        return (
            *_note(modules, "is a submodule that is not here", "git submodule update --init"),
            *_note(pointers, "is a pointer of git-lfs", "git lfs pull"),
        )


@contextmanager
def open_snapshot(places: Sequence[Path], name: str) -> Iterator[Snapshot]:
    """Open a snapshot in the first of these repositories that holds it.

    Raises:
        SnapshotError: none of them does, or git refuses.
    """
    git = load_git()
    if not _OBJECT.fullmatch(name):
        raise SnapshotError(f"{name!r} is not the name of a snapshot.")
    with ExitStack() as opened:
        for place in places:
            repository = _repository(place)
            if repository is not None and holds(opened.enter_context(repository), name):
                try:
                    yield Snapshot(repository, name, opened)
                except git.GitCommandError as error:
                    raise SnapshotError(f"git cannot read the snapshot {name} in {place}: {error.stderr}") from error
                return
    raise SnapshotError(_gone(places, name))


def _repository(place: Path) -> Repo | None:
    """Open the repository that a place lies in, so that git runs nothing and fetches nothing."""
    repository = open_repository(place, "core.fsmonitor=false", "core.hooksPath=/dev/null", "log.showSignature=false")
    if repository is not None:
        repository.git.update_environment(GIT_NO_LAZY_FETCH="1", GIT_NO_REPLACE_OBJECTS="1", GIT_TERMINAL_PROMPT="0")
    return repository


def holds(repository: Repo, name: str) -> bool:
    """Say whether a repository has the files of a snapshot, as far as its tree tells."""
    git = load_git()
    try:
        repository.git.cat_file("-e", f"{name}^{{tree}}")
    except (git.GitCommandError, git.GitCommandNotFound):
        return False
    return True


def write_files(snapshot: Snapshot, directory: Path) -> None:
    """Write the files of a snapshot into a directory that is empty, or not there: all of them, or none.

    Raises:
        SnapshotError: there is something in the directory, or it cannot be written.
    """
    try:
        if directory.is_symlink() or (directory.exists() and any(directory.iterdir())):
            raise SnapshotError(f"{directory} is not empty. Choose a directory that is, or a new one.")
        directory.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
        try:
            _fill(snapshot, draft)
            draft.chmod(0o777 & ~umask())
            draft.rename(directory)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise SnapshotError(f"{directory} cannot be written: {error.strerror or error}.") from error


def _fill(snapshot: Snapshot, directory: Path) -> None:
    # Links come last, so that no file is written through one.
    for entry in sorted(snapshot.entries, key=lambda entry: entry.link):
        path = directory / entry.path
        if entry.submodule:
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.link:
            path.symlink_to(os.fsdecode(snapshot.read(entry)))
            continue
        with path.open("xb") as file:
            file.writelines(snapshot.chunks(entry))
        if entry.executable:
            path.chmod(0o777 & ~umask())


def _entry(line: str, above: str, repository: Repo) -> Entry:
    facts, _, path = line.partition("\t")
    mode, _, oid, size = facts.split()
    return Entry(above + path, int(mode, 8), oid, int(size) if size.isdigit() else 0, repository)


def _note(paths: Sequence[str], what: str, advice: str) -> tuple[str, ...]:
    if not paths:
        return ()
    more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
    return (f"{paths[0]}{more} {what}: `{advice}` in a clone of the repository gets it.",)


def _gone(places: Sequence[Path], name: str) -> str:
    listed = ", ".join(map(str, dict.fromkeys(places)))
    return (
        f"The snapshot {name} is in no git repository at {listed}. If the repository was moved, say where it is: "
        "--repository PATH. If this is another clone of it, fetch the snapshots from the one that launched the run: "
        "git fetch THE-OTHER '+refs/typedxp/*:refs/typedxp/*'."
    )
