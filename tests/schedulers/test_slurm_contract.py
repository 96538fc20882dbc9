"""Slurm keeps the contract: its stand-in, and the original."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import Command, local_shell
from typedxp.testing.contract import Place, SchedulerContract
from typedxp.testing.slurm import FakeSlurm
from typedxp.vocabulary.jobs import JobState


class SlurmContract(SchedulerContract):
    """What is the same for both. Slurm counts time in minutes."""

    held = ("--hold",)
    limited = {"time": "1m"}
    warned = {"time": "1m", "warn": "30s"}

    @pytest.mark.parametrize("unheard", ["500000", "500000_1"])
    def test_nothing_comes_after_what_nobody_has_heard_of(self, cluster: Cluster, place: Place, unheard: str) -> None:
        """Slurm itself would start it at once."""
        with pytest.raises(SchedulerError, match=f"forgotten {unheard}"):
            self.submit(cluster, place, "touch started", after=[unheard])

    def test_an_element_can_be_waited_for(self, cluster: Cluster, place: Place) -> None:
        """The others may fail."""
        before = self.submit(cluster, place, "wait_for go; exit $ELEMENT", 2)
        after = self.submit(cluster, place, "exit 0", after=[before.elements[0]])
        self.wait(cluster, after, JobState.QUEUED)
        (place.path / "go").touch()

        assert self.states(cluster, after) == [JobState.COMPLETED]


class TestFakeSlurm(SlurmContract):
    @pytest.fixture
    def cluster(self, tmp_path, monkeypatch) -> Iterator[Cluster]:
        monkeypatch.chdir(tmp_path)
        with FakeSlurm(speed=60) as slurm:
            yield Cluster(get_scheduler("slurm"), slurm)


@pytest.mark.real("slurm")
class TestRealSlurm(SlurmContract):
    """The original looks at limits every half of a minute."""

    patience = 200.0
    pause = 0.2
    fields = {"mem": "50M"}

    @property
    def starved(self):
        """Without accounting, nobody knows how much memory a job used."""
        return {"mem": "100M"} if local_shell(Command(("sacct", "-n", "-X"))).code == 0 else None

    @pytest.fixture
    def cluster(self, tmp_path, monkeypatch) -> Cluster:
        monkeypatch.chdir(tmp_path)
        return Cluster(get_scheduler("slurm"), local_shell)
