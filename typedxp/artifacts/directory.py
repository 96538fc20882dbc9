"""Owns the artifacts of a run: values and files that are kept under a name, and come back as what they were.

Whatever happens, a name stands for the old artifact or for the new one. The record comes first, and knows both; then
the artifact takes its place by one rename; then the record forgets the old one. A reader tells them by their bytes.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from typedxp.artifacts import records
from typedxp.artifacts.arrays import Dims, describe_given, describe_written
from typedxp.artifacts.digest import Digest, digest, written
from typedxp.artifacts.drafts import aside, draft, exists, locked, opened, put, restore
from typedxp.artifacts.kinds.choose import choose
from typedxp.artifacts.kinds.kind import Kind
from typedxp.artifacts.loading import load
from typedxp.artifacts.names import parts
from typedxp.errors import RecordError, ResultsError, TypedxpError
from typedxp.store.files import reason
from typedxp.vocabulary.artifacts import ArtifactRecord
from typedxp.vocabulary.clock import now


class Artifacts:
    """The artifacts in one directory, which is made when the first one is saved.

    Any number of threads and processes may save and load at once. Values are told by their type and the suffix of their
    name; no library is imported to find out.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)

    def __repr__(self) -> str:
        return f"<Artifacts in {self.directory}>"

    def save(self, value: Any, name: str, *, kind: str | None = None, dims: Dims | None = None) -> ArtifactRecord:
        """Keep ``value`` under ``name``, whole or not at all, in place of what was there.

        The suffix of the name chooses among the kinds that hold such a value; a name without a suffix gets the natural
        one, which the record tells (an array called ``weights`` becomes ``weights.npy``). A ``Path`` is copied, file or
        directory, and comes back as a path; with ``kind``, a file comes back as what that kind loads. Text is no path:
        it is an artifact itself. ``kind="pickle"`` pickles. ``dims`` names the dimensions of an array, or of arrays by
        name, of numpy.

        Raises:
            RecordError: the name is unsafe, or taken by a directory of other artifacts; no kind holds the value under
                this suffix; ``dims`` does not fit it; or it cannot be written, and what was there before is still
                there.
        """
        with _recording(name):
            parts(name)
            chosen, name = choose(value, name, kind)
            *above, last = parts(name)
            arrays = describe_given(value, chosen.name, name, dims)
            with draft(self.directory) as place:
                found = _write(chosen, value, name, place / last)
                arrays = arrays or describe_written(place / last, chosen.name, name)
                record = ArtifactRecord(name, chosen.name, found.size, found.sha256, now(), arrays=arrays)
                with locked(self.directory):
                    self._place(record, above, last, place)
        return record

    def load(self, name: str, *, trust: bool = False, kind: str | None = None, verify: bool = True) -> Any:
        """Load the artifact called ``name``, after comparing all of its bytes with what was recorded of them.

        Arrays of ``.npy`` are mapped into memory, and datasets of ``.nc`` are read where they are used;
        ``verify=False`` compares no more than their size. Files, directories and kinds that nobody here knows come back
        as their path, below which nothing may be changed. ``kind`` loads a file as something else than was recorded.
        A suffix may be left out where only one artifact can be meant.

        Nothing that the file holds is executed, unless ``trust`` says that whoever could write it may run any program
        under your account: that is what loading a pickle means.

        Raises:
            RecordError: the name is unsafe.
            ResultsError: there is no such artifact, it is damaged, it cannot be loaded, or it needs ``trust``.
        """
        *above, last = self._parts(name)
        while True:
            with self._opened(name, above) as parent:
                record, path, state = self._verified(name, above, last, parent, verify=verify)
            # What is replaced meanwhile is loaded again: it may be another version than the one that was verified.
            try:
                value = load(record if kind is None else dataclasses.replace(record, kind=kind), path, trust=trust)
            except ResultsError:
                if _state(path) == state:
                    raise
            else:
                if _state(path) == state:
                    return value

    def names(self) -> tuple[str, ...]:
        """Name the artifacts, in alphabetical order.

        Raises:
            ResultsError: a directory cannot be read.
        """
        return tuple(sorted(self._names(self.directory, "")))

    def record(self, name: str) -> ArtifactRecord:
        """Return what is known of the artifact called ``name``, without reading it.

        Raises:
            RecordError: the name is unsafe.
            ResultsError: there is no such artifact, or its record is damaged.
        """
        *above, last = self._parts(name)
        with self._opened(name, above) as parent:
            record, path = self._found(name, above, last, parent)
            if record.previous is None:
                return record
            # A kill in the middle of replacing it left both: the bytes tell.
            return _which(record, digest(path)) or record.previous

    def path(self, name: str) -> Path:
        """Return where the artifact called ``name`` lies, for other programs to read; nothing may be changed there.

        Raises:
            RecordError: the name is unsafe.
            ResultsError: there is no such artifact, or its record is damaged.
        """
        *above, last = self._parts(name)
        with self._opened(name, above) as parent:
            return self._found(name, above, last, parent)[1]

    def _place(self, record: ArtifactRecord, above: Sequence[str], last: str, place: Path) -> None:
        """Give a finished draft its name. Nobody else does so at this time."""
        self._check_above(above)
        try:
            with opened(self.directory, above, make=True) as parent:
                restore(last, parent, place)
                before = self._before(record.name, last, parent, self.directory.joinpath(*above, last))
                records.write(dataclasses.replace(record, previous=before), last, parent, place)
                put(place / last, last, parent)
                if before is not None:
                    records.write(record, last, parent, place)
                os.fsync(parent)
        except BaseException:
            self._prune(above)
            raise

    def _before(self, name: str, last: str, parent: int, path: Path) -> ArtifactRecord | None:
        """Return the record of what is about to be replaced."""
        if not exists(last, parent):
            return None
        try:
            record = records.read(last, parent)
        except ResultsError:
            # Its record is damaged: what replaces it will have a whole one.
            record = None
        if record is None and path.is_dir() and not path.is_symlink():
            raise RecordError(f"{name!r} is a directory of other artifacts: choose another name.")
        if record is not None and record.previous is not None:
            record = _which(record, digest(path))
        return record

    def _check_above(self, above: Sequence[str]) -> None:
        """Check that none of the directories on the way is an artifact itself."""
        for depth in range(len(above)):
            *parents, last = above[: depth + 1]
            path = self.directory.joinpath(*parents, last)
            record = path.with_name(records.file_name(last))
            if record.exists():
                if os.path.lexists(path):
                    raise RecordError(f"{'/'.join(above[: depth + 1])!r} is an artifact: nothing can be put below it.")
                # Its writer was killed before the artifact came.
                record.unlink(missing_ok=True)

    def _prune(self, above: Sequence[str]) -> None:
        """Remove directories that were made for nothing."""
        with suppress(OSError):
            for depth in range(len(above), 0, -1):
                self.directory.joinpath(*above[:depth]).rmdir()

    def _parts(self, name: str) -> tuple[str, ...]:
        """Split the name of an artifact; its suffix may be left out where there is only one that it can be."""
        *above, last = split = parts(name)
        directory = self.directory.joinpath(*above)
        if not PurePosixPath(last).suffix and not (directory / records.file_name(last)).exists():
            with self._opened(name, above):
                files = [records.described(file.name) for file in directory.iterdir()]
            meant = [found for found in files if found and PurePosixPath(found).stem == last]
            if len(meant) == 1:
                return (*above, *meant)
        return split

    @contextmanager
    def _opened(self, name: str, above: Sequence[str]) -> Iterator[int]:
        try:
            with opened(self.directory, above) as parent:
                yield parent
        except FileNotFoundError as error:
            raise self._absent(name) from error
        except RecordError as error:
            raise ResultsError(f"The artifact {name!r} cannot be read: {error}") from error
        except OSError as error:
            raise ResultsError(f"The artifact {name!r} in {self.directory} cannot be read: {reason(error)}.") from error

    def _verified(
        self, name: str, above: Sequence[str], last: str, parent: int, *, verify: bool
    ) -> tuple[ArtifactRecord, Path, tuple[int, ...]]:
        """Return the record, the path and the state of an artifact whose bytes are those that were recorded."""
        while True:
            record, path = self._found(name, above, last, parent)
            state = _state(path)
            whole = verify or record.previous is not None or path.is_dir()
            found = digest(path) if whole else Digest(path.lstat().st_size, record.sha256)
            if matching := _which(record, found):
                return matching, path, state
            if records.read(last, parent) == record and _state(path) == state:
                raise ResultsError(
                    f"The artifact {name!r} is damaged: {path} does not hold the {record.size} bytes that were "
                    f"recorded (sha256 {record.sha256[:16]}...). It was changed after it was saved: save it again."
                )

    def _found(self, name: str, above: Sequence[str], last: str, parent: int) -> tuple[ArtifactRecord, Path]:
        record = records.read(last, parent)
        there = next((there for there in (last, aside(last)) if exists(there, parent)), None)
        if record is None or there is None:
            raise self._absent(name)
        path = self.directory.joinpath(*above, there)
        if path.is_symlink():
            raise ResultsError(f"The artifact {name!r} cannot be read: {path} is a link, which nobody saved.")
        return record, path

    def _absent(self, name: str) -> ResultsError:
        names = self.names()
        known = (
            f"There are: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}." if names else "There is none."
        )
        return ResultsError(f"There is no artifact {name!r} in {self.directory}. {known}")

    def _names(self, directory: Path, prefix: str) -> Iterator[str]:
        try:
            entries = {entry.name: entry for entry in os.scandir(directory)}
        except FileNotFoundError:
            return
        except OSError as error:
            raise ResultsError(f"{directory} cannot be read: {reason(error)}.") from error
        recorded = {last for file in entries if (last := records.described(file)) is not None}
        yield from (prefix + last for last in recorded if last in entries or aside(last) in entries)
        for name, entry in entries.items():
            if not name.startswith(".") and name not in recorded and entry.is_dir(follow_symlinks=False):
                yield from self._names(directory / name, f"{prefix}{name}/")


@contextmanager
def _recording(name: str) -> Iterator[None]:
    """Say of which artifact it is that the system refuses something."""
    try:
        yield
    except OSError as error:
        raise RecordError(f"The artifact {name!r} cannot be saved: {reason(error)}.") from error


def _write(kind: Kind, value: Any, name: str, path: Path) -> Digest:
    try:
        return written(lambda: kind.save(value, path), path, sequential=kind.sequential)
    except (OSError, TypedxpError):
        raise
    except ModuleNotFoundError as error:
        raise RecordError(f"The artifact {name!r} needs the package {error.name}: install it.") from error
    except Exception as error:
        raise RecordError(
            f"The artifact {name!r} cannot be saved as {kind.name}: {type(error).__name__}: {error}"
        ) from error


def _which(record: ArtifactRecord, found: Digest) -> ArtifactRecord | None:
    """Return the record of the bytes that were found: this one, the one before, or None."""
    for candidate in (record, record.previous):
        if candidate is not None and (candidate.size, candidate.sha256) == (found.size, found.sha256):
            return dataclasses.replace(candidate, previous=None)
    return None


def _state(path: Path) -> tuple[int, ...]:
    """Tell one version of an artifact from the next: they are different files."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return ()
    return status.st_dev, status.st_ino, status.st_mtime_ns
