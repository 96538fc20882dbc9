"""Owns the directory of runs.

logs/
  1/ 2/ 3/ ...        one directory per run, named by its id
  documents/
    4f2a...c1.json    the schema of some runs, or the environment of some, named by its content; written once
  .typedxp/           caches only: deleting it loses nothing
    last_id.3         named by the highest id ever taken, so that the id of a deleted run is not taken again
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote

from typedxp.errors import StoreError
from typedxp.store import documents
from typedxp.store.directory import RunDirectory
from typedxp.store.files import reason
from typedxp.vocabulary.documented import DocumentedSchema
from typedxp.vocabulary.environment import EnvironmentDocument

_MARK = "last_id."
_ID = re.compile("[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Store:
    """A directory of runs."""

    path: Path

    @cached_property
    def root(self) -> Path:
        """The absolute path, which holds wherever the user's code changes to.

        Raises:
            StoreError: it is relative to a directory that is gone.
        """
        try:
            path = self.path.expanduser().absolute()
        except (OSError, RuntimeError) as error:
            raise StoreError(f"{self.path} cannot be found: {error}. Choose another directory: xp.logs=DIR.") from error
        if "\0" in str(path):
            raise StoreError(f"{str(self.path)!r} cannot be the name of a directory. Choose another: xp.logs=DIR.")
        return path

    @property
    def cache(self) -> Path:
        """The directory that may be deleted at any time."""
        return self.root / ".typedxp"

    @property
    def option(self) -> str:
        """What to add to a command so that it speaks of this store; nothing for the one that it looks for by itself."""
        return "" if self.root == Path("logs").absolute() else f" --logs {quote(str(self.path))}"

    @property
    def documents(self) -> Path:
        """The directory of what several runs have in common."""
        return self.root / "documents"

    def runs(self) -> Iterator[RunDirectory]:
        """Yield every run, in order of id; other files and directories are left alone.

        Raises:
            StoreError: there is no such directory, or it cannot be read.
        """
        for number in self.ids():
            directory = RunDirectory(self.root / str(number))
            if (directory.path / "run.json").exists():
                yield directory

    def run(self, number: int) -> RunDirectory:
        """Return the run with this id.

        Raises:
            StoreError: there is none.
        """
        directory = RunDirectory(self.root / str(number))
        if not (directory.path / "run.json").exists():
            raise StoreError(f"There is no run {number} in {self.path}.")
        return directory

    def check(self) -> None:
        """Check, without creating anything, that runs may be put here.

        Raises:
            StoreError: the directory cannot be made or written, or it was made by something else.
        """
        if not os.path.lexists(self.root):
            self._check_parent()
            return
        if not os.path.isdir(self.root):
            what = "a link to nothing" if os.path.islink(self.root) and not os.path.exists(self.root) else "a file"
            raise StoreError(f"{self.path} is {what}. Choose a directory for the runs: xp.logs=DIR.")
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK):
            raise StoreError(f"{self.path} cannot be written. Choose another directory for the runs: xp.logs=DIR.")
        self._check_made_by_us()

    def allocate(self, count: int) -> list[RunDirectory]:
        """Take ``count`` new ids, each unique for ever, by making their directories.

        Raises:
            StoreError: a directory cannot be made, for example because the disk is full; nothing is left behind.
        """
        with self.allocating(count) as taken:
            return taken

    def write_document(self, document: DocumentedSchema | EnvironmentDocument) -> str:
        """Keep what a schema declares, or what an environment is, for all runs; return the digest that names it.

        Raises:
            OSError: it cannot be written.
        """
        return documents.write(self.documents, document)

    def read_document(self, digest: str) -> DocumentedSchema:
        """Return what was written of a schema.

        Raises:
            StoreError: it is missing, damaged, or of a later format than this version knows.
        """
        return documents.read_schema(self.documents, digest)

    def read_environment(self, digest: str) -> EnvironmentDocument:
        """Return what was written of an environment.

        Raises:
            StoreError: it is missing, damaged, or of a later format than this version knows.
        """
        return documents.read_environment(self.documents, digest)

    @contextmanager
    def allocating(self, count: int) -> Iterator[list[RunDirectory]]:
        """Take ids as :meth:`allocate` does, for a block that fills the directories; nothing is left of it if it fails.

        Correct with any number of processes allocating at once, on NFS, too: mkdir decides.

        Raises:
            StoreError: something cannot be written.
        """
        taken: list[RunDirectory] = []
        absent = [
            path for path in (self.cache, self.documents, self.root, *self.root.parents) if not os.path.exists(path)
        ]
        try:
            self._take(count, taken)
            yield taken
        except BaseException as error:
            for directory in taken:
                shutil.rmtree(directory.path, ignore_errors=True)
            self._remove(absent)
            if isinstance(error, OSError):
                raise StoreError(f"No runs can be made in {self.path}: {reason(error)}.") from error
            raise

    def _take(self, count: int, taken: list[RunDirectory]) -> None:
        self.cache.mkdir(parents=True, exist_ok=True)
        number = max(max(self.ids(), default=0), max(self._marks(), default=0))
        while len(taken) < count:
            number += 1
            directory = RunDirectory(self.root / str(number))
            with suppress(FileExistsError):
                directory.path.mkdir()
                taken.append(directory)
        self._mark(number)

    def _remove(self, made: Sequence[Path]) -> None:
        """Undo the making of directories, the deepest first, up to one that somebody else has put something into."""
        with suppress(OSError):
            for path in made:
                for file in self._made_in(path):
                    file.unlink(missing_ok=True)
                with suppress(FileNotFoundError):
                    path.rmdir()

    def _made_in(self, directory: Path) -> list[Path]:
        """Return the files that nobody needs if nothing else was put into a directory that was just made."""
        if directory == self.cache:
            return [self._mark_path(mark) for mark in self._marks()]
        found = documents.files(directory) if directory == self.documents else []
        # Others that have taken ids meanwhile may go by the same documents.
        return [] if found and self.ids() else found

    def ids(self) -> list[int]:
        """Return every id that is taken, in order; not each of them need be that of a run yet.

        Raises:
            StoreError: there is no such directory, or it cannot be read.
        """
        try:
            # Names with leading zeros or a sign, and numbers of more than 64 bits, were not made by us.
            names = [name for name in os.listdir(self.root) if _ID.fullmatch(name)]
            return sorted(map(int, names))
        except FileNotFoundError as error:
            advice = "Name a directory of runs, as given by xp.logs=DIR."
            raise StoreError(f"There is no directory {self.path}. {advice}") from error
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {reason(error)}.") from error

    def _mark(self, number: int) -> None:
        """Remember an id by a file, and remove those of lower ones: a slower process never undoes a higher mark."""
        self._mark_path(number).touch()
        for lower in self._marks():
            if lower < number:
                self._mark_path(lower).unlink(missing_ok=True)

    def _marks(self) -> list[int]:
        ends = [name.removeprefix(_MARK) for name in os.listdir(self.cache) if name.startswith(_MARK)]
        return [int(end) for end in ends if end.isascii() and end.isdigit()]

    def _mark_path(self, number: int) -> Path:
        return self.cache / f"{_MARK}{number}"

    def _check_parent(self) -> None:
        parent = next(parent for parent in self.root.parents if os.path.exists(parent))
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise StoreError(f"{self.path} cannot be made: {parent} cannot be written. Choose another: xp.logs=DIR.")

    def _check_made_by_us(self) -> None:
        entries = sorted(name for name in os.listdir(self.root) if not name.startswith("."))
        if not entries or self.cache.is_dir() or documents.files(self.documents) or next(self.runs(), None) is not None:
            return
        shown = ", ".join(entries[:3]) + (", ..." if len(entries) > 3 else "")
        raise StoreError(
            f"{self.path} was made by something else (it holds {shown}, and no run of typedxp). "
            "Choose another directory for the runs: xp.logs=DIR."
        )
