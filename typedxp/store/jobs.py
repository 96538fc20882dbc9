"""Owns the files of the jobs that were given to schedulers.

jobs/
  3/
    job.json          what each element executes, and what the scheduler calls it   replaced whole
    job.sh            as submitted; that of a single run is in the run's directory
    123_4.log         what an element printed beside its runs, and what the scheduler said
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace as copied
from pathlib import Path
from typing import Any

from typedxp.errors import StoreError
from typedxp.store.directory import RunDirectory, dump, load
from typedxp.store.files import reason, replace
from typedxp.store.store import Store
from typedxp.store.whole import integers, known
from typedxp.vocabulary.jobs import Element, JobRecord


@dataclass(frozen=True)
class JobDirectory:
    """The files of one job."""

    path: Path

    @property
    def id(self) -> int:
        """The number of the job in the store; the scheduler has another one for it."""
        return int(self.path.name)

    @property
    def store(self) -> Store:
        """The store that the job is of."""
        return Store(self.path.parent.parent)

    @property
    def script(self) -> Path:
        """The job script of an array."""
        return self.path / "job.sh"

    def run(self, number: int) -> RunDirectory:
        """Return the directory of a run that the job executes."""
        return RunDirectory(self.path.parent.parent / str(number))

    def write(self, record: JobRecord) -> None:
        """Write job.json.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            replace(self.path / "job.json", dump(record, indent=False))
        except OSError as error:
            raise StoreError(f"{self.path / 'job.json'} cannot be written: {reason(error)}.") from error

    def write_script(self, file: Path, text: str) -> None:
        """Write a job script, which can be executed.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            replace(file, text.encode())
            file.chmod(0o755)
        except OSError as error:
            raise StoreError(f"{file} cannot be written: {reason(error)}.") from error

    def withdraw(self, runs: Iterable[int]) -> None:
        """Keep the job from beginning with some of its runs from now on.

        Raises:
            StoreError: it cannot be read or written.
        """
        record = self.read()
        withdrawn = tuple(sorted({*record.withdrawn, *runs}))
        if withdrawn != record.withdrawn:
            self.write(copied(record, withdrawn=withdrawn))

    def read(self) -> JobRecord:
        """Read job.json.

        Raises:
            StoreError: it is missing, damaged, or of a later format than this version knows.
        """
        try:
            raw = load(self.path / "job.json")
            elements = tuple(_element(item) for item in raw["elements"])
            read = {
                "elements": elements,
                "profile": dict(raw["profile"]),
                "withdrawn": integers(raw.get("withdrawn", ())),
            }
            return JobRecord(**known(JobRecord, raw) | read)
        except FileNotFoundError as error:
            raise StoreError(f"{self.path} is no job: it has no job.json.") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"{self.path / 'job.json'} is damaged: {error!r}.") from error


def take_job(store: Store) -> JobDirectory:
    """Make the directory of a new job, by counting up: mkdir decides between several processes.

    Raises:
        StoreError: it cannot be made.
    """
    place = store.root / "jobs"
    try:
        place.mkdir(exist_ok=True)
        number = max(_numbers(place), default=0)
        while True:
            number += 1
            with suppress(FileExistsError):
                (place / str(number)).mkdir()
                return JobDirectory(place / str(number))
    except OSError as error:
        raise StoreError(f"No job can be recorded in {place}: {reason(error)}.") from error


def jobs(store: Store) -> Iterator[JobDirectory]:
    """Yield every job of a store, in order; one that was given up before it was recorded is passed over."""
    place = store.root / "jobs"
    for number in sorted(_numbers(place)):
        if (place / str(number) / "job.json").exists():
            yield JobDirectory(place / str(number))


def _numbers(place: Path) -> list[int]:
    try:
        return [int(path.name) for path in place.iterdir() if path.name.isascii() and path.name.isdigit()]
    except FileNotFoundError:
        return []


def _element(raw: Any) -> Element:
    name = raw.get("name")
    return Element(integers(raw["runs"]), name if name is None else str(name))
