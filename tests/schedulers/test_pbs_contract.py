"""PBS keeps the contract: its stand-in, and the original."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Cluster, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.pbs import Pbs
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.script import render
from typedxp.schedulers.shell import local_shell
from typedxp.testing.contract import Place, SchedulerContract
from typedxp.testing.pbs import FakePbs
from typedxp.vocabulary.jobs import JobState

PBS = get_scheduler("pbs")


class PbsContract(SchedulerContract):
    """What is the same for both."""

    held = ("-h",)

    def test_a_queued_element_can_be_held_and_released(self, cluster: Cluster, place: Place) -> None:
        """Only with its whole array: what runs of it goes on."""
        submitted = self.submit(cluster, place, "[ $ELEMENT -ne 0 ] || wait_for go", 3, parallel=1)
        first, rest = (Submitted(submitted.job, some) for some in (submitted.elements[:1], submitted.elements[1:]))
        self.wait(cluster, first, JobState.RUNNING)

        with pytest.raises(SchedulerError, match="whole arrays only"):
            cluster.hold(rest.elements)
        cluster.hold([submitted.job])
        (place.path / "go").touch()

        assert self.states(cluster, first) == [JobState.COMPLETED]
        self.wait(cluster, rest, JobState.HELD)
        cluster.release([submitted.job])
        assert self.states(cluster, rest) == [JobState.COMPLETED] * 2

    def test_a_job_after_one_that_is_not_known_ends_without_running(self, cluster: Cluster, place: Place) -> None:
        """PBS takes it at first."""
        submitted = self.submit(cluster, place, "touch started", after=["500000"])

        assert self.states(cluster, submitted) == [JobState.CANCELLED]
        assert not (place.path / "started").exists()


class TestFakePbs(PbsContract):
    @pytest.fixture
    def cluster(self) -> Iterator[Cluster]:
        with FakePbs(speed=2) as pbs:
            yield Cluster(PBS, pbs)


@pytest.mark.real("pbs")
class TestRealPbs(PbsContract):
    """The original looks at limits every ten seconds."""

    patience = 120.0
    pause = 0.2

    @pytest.fixture
    def cluster(self) -> Cluster:
        return Cluster(PBS, local_shell)


def test_an_old_pbs_that_keeps_nothing_is_understood(tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    until = "until [ -e go ]; do sleep 0.02; done"
    script.write_text(render(PBS, Pbs(), Job("train", ("/bin/bash", "-c", until), tmp_path, tmp_path, 2)))

    with FakePbs(history=False, json=False) as pbs:
        cluster = Cluster(PBS, pbs)
        given = cluster.submit(script, 2)
        found = cluster.statuses({given.job: given.elements})
        (tmp_path / "go").touch()
        pbs.drain()

        assert [found[element].native for element in given.elements] == ["R", "R"]
        assert cluster.statuses({given.job: given.elements}) == {}


def test_an_array_that_is_too_large_is_refused_and_the_limit_is_known(tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text(render(PBS, Pbs(), Job("train", ("true",), tmp_path, tmp_path, 11)))

    with FakePbs(max_array=10) as pbs:
        with pytest.raises(SchedulerError, match="exceeds server or queue size limit"):
            Cluster(PBS, pbs).submit(script, 11)
        assert Cluster(PBS, pbs).array_limit() == 10
