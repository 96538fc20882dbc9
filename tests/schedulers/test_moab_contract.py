"""Moab keeps the contract: its stand-in, since there is no original to be had."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.testing.contract import Place, SchedulerContract
from typedxp.testing.moab import FakeMoab
from typedxp.testing.standin import Cause
from typedxp.vocabulary.jobs import JobState


class TestFakeMoab(SchedulerContract):
    """A site that cancels jobs whose dependencies have failed."""

    held = ("-h",)

    @pytest.fixture
    def moab(self) -> Iterator[FakeMoab]:
        with FakeMoab(speed=2, cancels_orphans=True) as moab:
            yield moab

    @pytest.fixture
    def cluster(self, moab: FakeMoab) -> Cluster:
        return Cluster(get_scheduler("moab"), moab)

    def test_many_jobs_are_two_commands(self, cluster: Cluster, place: Place, moab: FakeMoab) -> None:
        jobs = [self.submit(cluster, place, "exit 0", 3) for _ in range(3)]
        moab.drain()
        moab.commands.clear()
        found = cluster.statuses({job.job: job.elements for job in jobs})

        assert len(found) == 9
        assert [words[:3] for words in moab.commands] == [("showq", "--xml", "-w"), ("showq", "--xml", "-c")]

    def test_a_job_whose_dependency_has_failed_is_held_elsewhere(
        self, cluster: Cluster, place: Place, moab: FakeMoab
    ) -> None:
        """So it is by default."""
        moab.cancels_orphans = False
        before = self.submit(cluster, place, "exit 1")
        after = self.submit(cluster, place, "touch started", after=[before.job])
        [status] = self.wait(cluster, after, JobState.HELD)

        assert (status.native, status.reason) == ("BatchHold", "Depend:dependency cannot be fulfilled")
        assert not (place.path / "started").exists()

    @pytest.mark.parametrize(
        ("cause", "state"),
        [(Cause.OUT_OF_MEMORY, JobState.OUT_OF_MEMORY), (Cause.NODE_FAILED, JobState.NODE_FAILED)],
    )
    def test_what_ends_a_job_is_told_apart(
        self, cluster: Cluster, place: Place, moab: FakeMoab, cause: Cause, state: JobState
    ) -> None:
        submitted = self.submit(cluster, place, "touch started; exec sleep 600")
        self.wait_for_file(place.path / "started")
        moab.strike(moab.jobs[submitted.job].elements[0], cause)

        assert self.states(cluster, submitted) == [state]

    def test_forgotten_jobs_are_absent(self, cluster: Cluster, place: Place, moab: FakeMoab) -> None:
        submitted = self.submit(cluster, place, "exit 0")
        moab.drain()
        moab.forget()

        assert cluster.statuses({submitted.job: submitted.elements}) == {}

    def test_an_unknown_class_is_refused(self, cluster: Cluster, place: Place, moab: FakeMoab) -> None:
        moab.classes = ["batch"]
        with pytest.raises(SchedulerError, match="invalid class specified 'nowhere'"):
            self.submit(cluster, place, "exit 0", queue="nowhere")


class TestFakeMoabWithIdsOfItsOwn(TestFakeMoab):
    """A site whose ids begin with the name of the scheduler."""

    @pytest.fixture
    def moab(self) -> Iterator[FakeMoab]:
        with FakeMoab(speed=2, prefix="Moab.", cancels_orphans=True) as moab:
            yield moab
