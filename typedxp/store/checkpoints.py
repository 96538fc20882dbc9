"""Owns the checkpoints of a run.

17/checkpoints/3/
  checkpoint.json     what is known of it: number, attempt, time, size, SHA-256, and how far each stream was
  state.pt            torch's format, where the state holds tensors or modules
  state.pkl           Python's pickle otherwise

A checkpoint is made beside and renamed, so it is there whole or not at all; what a crash of the machine may
still tear is found by its SHA-256.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import orjson

from typedxp.errors import RecordError
from typedxp.store.files import reason, sync_directory

_NOTE = "checkpoint.json"


class CheckpointWarning(UserWarning):
    """A checkpoint that is not whole was passed over."""


@dataclass(frozen=True)
class Checkpoint:
    """What checkpoint.json says: ``streams`` holds the size in bytes of each stream, ``time`` is ISO 8601 in UTC."""

    number: int
    attempt: int
    time: str
    file: str
    bytes: int
    sha256: str
    streams: Mapping[str, int]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run, in a directory of their own."""

    path: Path

    def save(self, state: Any, attempt: int, time: str, streams: Mapping[str, int], keep: int) -> Checkpoint:
        """Write a checkpoint, and remove all but the newest ``keep``.

        Raises:
            RecordError: it cannot be pickled or written; the earlier ones are still there.
        """
        # Of its own: a callback that is told to stop may save one while another is being saved.
        draft = self.path / f".draft.{os.urandom(8).hex()}"
        try:
            # Without parents: a run whose directory was removed does not come back as half a run.
            self.path.mkdir(exist_ok=True)
            draft.mkdir()
            file, size, digest = _write(draft, state)
            made = self._place(draft, Checkpoint(0, attempt, time, file, size, digest, streams))
            sync_directory(self.path)
        except OSError as error:
            raise RecordError(f"A checkpoint cannot be written to {self.path}: {reason(error)}.") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        self._prune(keep)
        return made

    def _place(self, draft: Path, made: Checkpoint) -> Checkpoint:
        """Give a draft the next number."""
        while True:
            made = replace(made, number=max(self._numbers(), default=0) + 1)
            _write_note(draft, made)
            try:
                draft.rename(self.path / str(made.number))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                # Somebody was faster.
            else:
                return made

    def newest(self) -> Checkpoint | None:
        """Return the newest checkpoint that is whole; warn of newer ones that are not."""
        for number in sorted(self._numbers(), reverse=True):
            found = self._read(number)
            if found is not None:
                return found
            message = f"Checkpoint {number} in {self.path} is not whole, and is passed over."
            warnings.warn(message, CheckpointWarning, stacklevel=3)
        return None

    def load(self, checkpoint: Checkpoint) -> Any:
        """Read the state of a checkpoint. It is the run's own, and may hold any object: it is unpickled.

        Raises:
            RecordError: it cannot be read back, for example because a class is not there any more.
        """
        path = self.path / str(checkpoint.number) / checkpoint.file
        try:
            if path.suffix == ".pt":
                import torch

                return torch.load(path, map_location="cpu", weights_only=False)
            import pickle

            with path.open("rb") as file:
                return pickle.load(file)  # noqa: S301 - the run's own state, in the run's own directory
        except Exception as error:
            raise RecordError(f"The checkpoint {path} cannot be read back: {type(error).__name__}: {error}") from error

    def clean(self) -> None:
        """Remove what killed processes left half made."""
        for draft in self.path.glob(".*") if self.path.is_dir() else ():
            shutil.rmtree(draft, ignore_errors=True)

    def _numbers(self) -> Iterator[int]:
        with suppress(FileNotFoundError):
            yield from (int(name) for name in os.listdir(self.path) if name.isascii() and name.isdigit())

    def _read(self, number: int) -> Checkpoint | None:
        import hashlib

        directory = self.path / str(number)
        try:
            found = Checkpoint(**orjson.loads((directory / _NOTE).read_bytes()))
            with (directory / found.file).open("rb") as file:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == found.sha256
        except (OSError, ValueError, TypeError):
            return None
        return found if whole else None

    def _prune(self, keep: int) -> None:
        for number in sorted(self._numbers(), reverse=True)[keep:]:
            # Away under another name first, so that nobody finds half of it.
            gone = self.path / f".{number}.gone.{os.getpid()}"
            try:
                with suppress(OSError):
                    (self.path / str(number)).rename(gone)
            finally:
                # Also when a signal ends the run at this very moment.
                _remove(gone)


def _remove(directory: Path) -> None:
    try:
        shutil.rmtree(directory, ignore_errors=True)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


class _Hashing:
    """A file that is hashed while it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        import hashlib

        self._file = file
        self.hash = hashlib.sha256()
        self.bytes = 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.hash.update(view)
        self.bytes += view.nbytes
        return self._file.write(view)

    def flush(self) -> None:
        self._file.flush()


def _write(directory: Path, state: Any) -> tuple[str, int, str]:
    """Write the state and force it to the disk; return the name of its file, its size and its SHA-256."""
    name = "state.pt" if _holds_tensors(state) else "state.pkl"
    with (directory / name).open("wb") as raw:
        file = _Hashing(raw)
        try:
            _dump(state, file, torch=name == "state.pt")
        except OSError:
            raise
        except Exception as error:
            # Each object has its own way of saying that it is not to be pickled.
            problem = f"{type(error).__name__}: {error}"
            raise RecordError(f"The state of a checkpoint cannot be pickled: {problem}") from error
        raw.flush()
        os.fsync(raw.fileno())
    return name, file.bytes, file.hash.hexdigest()


def _dump(state: Any, file: _Hashing, *, torch: bool) -> None:
    if torch:
        from torch import save

        save(state, file)
    else:
        import pickle

        pickle.dump(state, file, protocol=pickle.HIGHEST_PROTOCOL)


def _write_note(directory: Path, made: Checkpoint) -> None:
    with (directory / _NOTE).open("wb") as file:
        file.write(orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())


def _holds_tensors(state: Any) -> bool:
    """Say whether torch's format is the better one; torch is not loaded for the question."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    if isinstance(state, Mapping):
        return any(map(_holds_tensors, state.values()))
    if isinstance(state, list | tuple):
        return any(map(_holds_tensors, state))
    return isinstance(state, torch.Tensor | torch.nn.Module | torch.optim.Optimizer)
