"""Owns the directory of runs.

    logs/
      1/ 2/ 3/ ...        one directory per run, named by its id
      .typedxp/           caches only: deleting it loses nothing
        last_id           the highest id ever taken, so that the id of a deleted run is not taken again
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from typedxp.errors import StoreError
from typedxp.store.directory import RunDirectory
from typedxp.store.files import replace


@dataclass(frozen=True)
class Store:
    """A directory of runs."""

    path: Path

    @property
    def cache(self) -> Path:
        """The directory that may be deleted at any time."""
        return self.path / ".typedxp"

    def runs(self) -> Iterator[RunDirectory]:
        """Yield every run, in order of id; other files and directories are left alone.

        Raises:
            StoreError: there is no such directory, or it cannot be read.
        """
        for number in sorted(self._ids()):
            directory = RunDirectory(self.path / str(number))
            if (directory.path / "run.json").exists():
                yield directory

    def run(self, number: int) -> RunDirectory:
        """Return the run with this id.

        Raises:
            StoreError: there is none.
        """
        directory = RunDirectory(self.path / str(number))
        if not (directory.path / "run.json").exists():
            raise StoreError(f"There is no run {number} in {self.path}.")
        return directory

    def check(self) -> None:
        """Check, without creating anything, that runs may be put here.

        Raises:
            StoreError: the directory cannot be made or written, or it was made by something else.
        """
        if not self.path.exists():
            self._check_parent()
            return
        if not self.path.is_dir():
            raise StoreError(f"{self.path} is a file. Choose a directory for the runs: xp.logs=DIR.")
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise StoreError(f"{self.path} cannot be written. Choose another directory for the runs: xp.logs=DIR.")
        self._check_made_by_us()

    def allocate(self, count: int) -> list[RunDirectory]:
        """Take ``count`` new ids, each unique for ever, by making their directories.

        Correct with any number of processes allocating at once, on NFS, too: mkdir decides.

        Raises:
            StoreError: a directory cannot be made, for example because the disk is full; none is left behind.
        """
        taken: list[RunDirectory] = []
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            number = max(max(self._ids(), default=0), self._last_id())
            while len(taken) < count:
                number += 1
                directory = RunDirectory(self.path / str(number))
                with suppress(FileExistsError):
                    directory.path.mkdir()
                    taken.append(directory)
            if taken:
                replace(self.cache / "last_id", b"%d\n" % number)
        except BaseException as error:
            self.release(taken)
            if isinstance(error, OSError):
                raise StoreError(f"No runs can be made in {self.path}: {error.strerror}.") from error
            raise
        return taken

    def release(self, taken: list[RunDirectory]) -> None:
        """Remove runs that were allocated but will not be used."""
        for directory in taken:
            shutil.rmtree(directory.path, ignore_errors=True)

    def _ids(self) -> list[int]:
        try:
            # Names with leading zeros or a sign were not made by us.
            return [int(name) for name in os.listdir(self.path) if name.isascii() and name.isdigit() and name[0] != "0"]
        except FileNotFoundError as error:
            raise StoreError(f"There is no directory {self.path}.") from error
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}.") from error

    def _last_id(self) -> int:
        with suppress(OSError, ValueError):
            return int((self.cache / "last_id").read_bytes())
        return 0

    def _check_parent(self) -> None:
        parent = next(parent for parent in self.path.absolute().parents if parent.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise StoreError(f"{self.path} cannot be made: {parent} cannot be written. Choose another: xp.logs=DIR.")

    def _check_made_by_us(self) -> None:
        entries = sorted(name for name in os.listdir(self.path) if not name.startswith("."))
        if not entries or self.cache.is_dir() or next(self.runs(), None) is not None:
            return
        shown = ", ".join(entries[:3]) + (", ..." if len(entries) > 3 else "")
        raise StoreError(
            f"{self.path} was made by something else (it holds {shown}, and no run of typedxp). "
            "Choose another directory for the runs: xp.logs=DIR."
        )
