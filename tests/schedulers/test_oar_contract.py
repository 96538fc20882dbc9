"""OAR keeps the contract: its stand-in, and the original."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import local_shell
from typedxp.testing.contract import Place, SchedulerContract
from typedxp.testing.oar import FakeOar
from typedxp.vocabulary.jobs import JobState

NEEDS = {
    "gpus": {"gpu_level": "gpu"},
    "gpu_type": {"gpu_type_property": "gpu_model"},
    "mem": {"memory_property": "memnode"},
}


EVERYTHING: dict[str, Any] = {
    "time": "1h",
    "nodes": 1,
    "tasks": 2,
    "cpus": 2,
    "cpu_level": "resource_id",
    "mem": "1K",
    "memory_property": "available_upto",
    "properties": "type = 'default' OR drain = 'NO'",
    "besteffort": True,
    "requeue": True,
    "types": ["token:x=1"],
    "account": "some physics",
    "name": 'a "b" $c; `d` (#1)',
    "warn": "5m",
    "mail": "ada@example.org",
    "mail_on": ["begin", "end"],
    "anterior": [1, 2],
}


class Oars(SchedulerContract):
    """What OAR promises besides."""

    held = ("--hold",)
    needs = NEEDS

    def test_all_options_are_understood(self, cluster: Cluster, place: Place) -> None:
        """Each line is read by the scanner, and each value by what comes after it."""
        submitted = self.submit(cluster, place, "exit 0", 2, directives=["--hold"], **EVERYTHING)

        assert {status.state for status in self.wait(cluster, submitted, JobState.HELD)} == {JobState.HELD}

    def test_alternatives_are_understood(self, cluster: Cluster, place: Place) -> None:
        """Also by an array."""
        wanted = ["{type = 'default'}/nodes=1/resource_id=2", "resource_id=1"]
        submitted = self.submit(cluster, place, "exit 0", 2, time="1m", resources=wanted)

        assert self.states(cluster, submitted) == [JobState.COMPLETED] * 2

    def test_a_script_that_is_not_executable_fails_and_says_so(self, cluster: Cluster, place: Place) -> None:
        """The shell of the user is to execute it."""
        script = place.script(cluster, "exit 0", None, {})
        script.chmod(0o644)
        [status] = self.wait(cluster, cluster.submit(script, None))

        assert (status.state, status.exit_code) == (JobState.FAILED, 126)


class TestFakeOar(Oars):
    """The stand-in has no patience with limits."""

    @pytest.fixture
    def cluster(self) -> Iterator[Cluster]:
        with FakeOar(speed=2) as oar:
            yield Cluster(get_scheduler("oar"), oar)


@pytest.mark.real("oar")
class TestRealOar(Oars):
    """On the original, each step of a job takes a second or two, and limits are looked at every ten or so."""

    patience = 120.0
    pause = 0.3
    limited = {"time": "5s"}
    warned = {"time": "60s", "warn": "55s"}

    @pytest.fixture
    def cluster(self) -> Cluster:
        return Cluster(get_scheduler("oar"), local_shell)
