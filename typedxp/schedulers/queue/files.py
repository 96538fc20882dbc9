"""Owns the directory of a queue: what is where, and how it is written whole.

::

    lock                 held while a job or a request is added, or while the dispatcher decides to end
    dispatcher.lock      held by the dispatcher as long as it lives
    dispatcher.log       what went wrong there
    wake                 a named pipe: whoever writes to it wakes the dispatcher
    last                 the number of the last job
    requests/            what the dispatcher is asked to do: cancel, hold, release, requeue
    jobs/7/job.json      a job as it was submitted
    jobs/7/script        its script
    jobs/7/environment   the variables that it starts with; removed when all of it has ended
    jobs/7/7_3.json      where its element 3 stands; one that is not there is queued, or held from the beginning
    jobs/7/done          is there when all of it has ended
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from typedxp.errors import SchedulerError
from typedxp.schedulers.queue.words import Options, QueuedJob, Record, Word

_FIRST = 100_000
"""The least that the number of a job may be; that of the first is between this and ten times as much."""

KEPT = 7 * 86_400.0
"""Seconds for which jobs that have ended are kept."""


def default_directory() -> Path:
    """Name the directory of this user's queue on this machine."""
    state = os.environ.get("XDG_STATE_HOME") or ""
    home = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return home / "typedxp" / "queue" / os.uname().nodename


@dataclass(frozen=True)
class QueueFiles:
    """The files of one queue."""

    root: Path

    @property
    def jobs(self) -> Path:
        """The directory of the jobs."""
        return self.root / "jobs"

    @property
    def requests(self) -> Path:
        """The directory of what the dispatcher is asked to do."""
        return self.root / "requests"

    @property
    def pipe(self) -> Path:
        """The named pipe that wakes the dispatcher."""
        return self.root / "wake"

    def make(self) -> None:
        """Make what is not there; nobody else may read it.

        Raises:
            SchedulerError: it cannot be written.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Refused if it is somebody else's.
            self.root.chmod(0o700)
            self.jobs.mkdir(mode=0o700, exist_ok=True)
            self.requests.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileExistsError):
                os.mkfifo(self.pipe, 0o600)
        except OSError as error:
            raise unwritable(self.root, error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the queue."""
        with (self.root / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def add(self, directory: str, umask: int, options: Options, script: bytes, environment: Mapping[str, str]) -> int:
        """Add a job; return its number. It appears whole.

        Raises:
            OSError: it cannot be written; nothing of it is left.
        """
        with self.locked():
            number = 1 + max([self._last(), *self.numbers()])
            draft = self.jobs / f".{number}"
            shutil.rmtree(draft, ignore_errors=True)
            try:
                draft.mkdir(mode=0o700)
                write(draft / "script", script)
                write(draft / "environment", _dump(dict(environment)))
                write(draft / "job.json", _dump(asdict(QueuedJob(number, directory, umask, options))))
                write(self.root / "last", str(number).encode())
                draft.rename(self.jobs / str(number))
            except OSError:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        return number

    def _last(self) -> int:
        """Return the number of the last job; a new queue begins where hardly another one does.

        One store may hold jobs of several machines, or of containers that come and go.
        """
        with suppress(OSError, ValueError):
            return int((self.root / "last").read_text())
        return _FIRST + secrets.randbelow(9 * _FIRST)

    def numbers(self) -> list[int]:
        """List the numbers of the jobs that are kept, in their order."""
        with suppress(OSError):
            return sorted(int(path.name) for path in self.jobs.iterdir() if path.name.isdigit())
        return []

    def job(self, number: int) -> QueuedJob | None:
        """Read a job; None if it is not known, or damaged."""
        try:
            raw = json.loads((self.jobs / str(number) / "job.json").read_bytes())
            options = raw.pop("options")
            array, after, ids = options.pop("array"), tuple(options.pop("after")), tuple(options.pop("gpu_ids"))
            indices = tuple(array) if array is not None else None
            return QueuedJob(**raw, options=Options(**options, array=indices, after=after, gpu_ids=ids))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def script(self, job: QueuedJob) -> Path:
        """Name the script of a job."""
        return self.jobs / str(job.id) / "script"

    def environment(self, job: QueuedJob) -> dict[str, str]:
        """Read the variables that a job starts with.

        Raises:
            OSError: they cannot be read.
            ValueError: they are damaged.
        """
        found: dict[str, str] = json.loads((self.jobs / str(job.id) / "environment").read_bytes())
        return found

    def record(self, job: QueuedJob, name: str) -> Record:
        """Read where an element stands."""
        first = Record(Word.HELD if job.options.hold else Word.QUEUED)
        try:
            raw = json.loads(self._record(job, name).read_bytes())
            return Record(**{**raw, "word": Word(raw["word"]), "gpus": tuple(raw["gpus"])})
        except FileNotFoundError:
            return first
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            return Record(Word.VANISHED, reason=f"{self._record(job, name)} is damaged: {error}")

    def records(self, job: QueuedJob) -> dict[str, Record]:
        """Read where all elements of a job stand, in their order."""
        first = Record(Word.HELD if job.options.hold else Word.QUEUED)
        there = {path.name for path in (self.jobs / str(job.id)).iterdir()}
        return {name: self.record(job, name) if f"{name}.json" in there else first for name in job.names}

    def write_record(self, job: QueuedJob, name: str, record: Record) -> None:
        """Write where an element stands.

        Raises:
            OSError: it cannot be written.
        """
        write(self._record(job, name), _dump(asdict(record)))

    def _record(self, job: QueuedJob, name: str) -> Path:
        return self.jobs / str(job.id) / f"{name}.json"

    def done(self, number: int) -> bool:
        """Whether all of a job has ended."""
        return (self.jobs / str(number) / "done").exists()

    def mark_done(self, job: QueuedJob) -> None:
        """Note that all of a job has ended.

        Raises:
            OSError: it cannot be written.
        """
        write(self.jobs / str(job.id) / "done", b"")
        (self.jobs / str(job.id) / "environment").unlink(missing_ok=True)

    def prune(self) -> None:
        """Remove the jobs that ended long ago."""
        before = time.time() - KEPT
        for number in self.numbers():
            with suppress(OSError):
                if (self.jobs / str(number) / "done").stat().st_mtime < before:
                    shutil.rmtree(self.jobs / str(number))

    def ask(self, verb: str, names: Sequence[str]) -> Path:
        """Ask the dispatcher to do something; return the file, which is gone when it is done.

        Raises:
            OSError: it cannot be written.
        """
        path = self.requests / f"{time.time_ns():020}.{os.getpid()}.json"
        with self.locked():
            write(path, _dump({"verb": verb, "names": list(names)}))
        return path

    def asked(self) -> list[Path]:
        """List what the dispatcher is asked to do, in order."""
        return sorted(self.requests.glob("[0-9]*.json"))


def write(path: Path, data: bytes) -> None:
    """Write a file so that no reader ever sees half of it; nobody else may read it.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    draft = path.parent / f".{path.name}.{os.getpid()}"
    try:
        with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(data)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def unwritable(root: Path, error: OSError) -> SchedulerError:
    """Make the error of a queue that cannot be written."""
    return SchedulerError(
        f"The queue cannot be kept in {root}: {error.strerror or error}.\n"
        "Free some room there, or set XDG_STATE_HOME to a directory of this machine that can be written."
    )


def _dump(document: Any) -> bytes:
    return json.dumps(document).encode()
