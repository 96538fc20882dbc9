"""Owns what a launch from Python gives back: handles of a run and of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, overload

from typedxp.results.open import open_results
from typedxp.runner.following import Standing
from typedxp.runner.waiting import wait
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.records import RunStatus
from typedxp.vocabulary.telling import tell

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class RunHandle:
    """A run that was launched from Python."""

    directory: Path

    @property
    def id(self) -> int:
        """The number of the run in its store."""
        return int(self.directory.name)

    @property
    def status(self) -> RunStatus:
        """Where the run stands now.

        Raises:
            StoreError: its files are gone.
        """
        return RunDirectory(self.directory).read_status().status

    def results(self) -> xarray.Dataset:
        """Open what the run recorded: no swept dimensions, one step dimension per stream."""
        dataset = open_results(self.directory.parent, runs=[self.id])
        return dataset.isel(dict.fromkeys(dataset["run"].dims, 0))


@dataclass(frozen=True)
class SweepHandle(Sequence[RunHandle]):
    """The runs of a sweep that was launched from Python, in the order of the plan."""

    runs: tuple[RunHandle, ...]
    shell: Shell = field(default=local_shell, repr=False)

    @overload
    def __getitem__(self, index: int) -> RunHandle: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[RunHandle]: ...

    def __getitem__(self, index: int | slice) -> RunHandle | Sequence[RunHandle]:
        return self.runs[index]

    def __len__(self) -> int:
        return len(self.runs)

    def wait(self) -> SweepHandle:
        """Wait until the jobs of the runs have ended, and return this; runs that were made here have.

        Raises:
            StoreError: the files of a run are gone.
        """
        if self.runs:
            directories = [RunDirectory(run.directory) for run in self.runs]
            wait(Store(self.runs[0].directory.parent), directories, _nothing, tell, self.shell)
        return self

    def results(self) -> xarray.Dataset:
        """Open what the runs recorded: one dimension per swept key, one step dimension per stream."""
        return open_results(self.runs[0].directory.parent, runs=[run.id for run in self.runs])


def _nothing(_: Sequence[Standing]) -> None:
    """Hear where runs stand."""
