"""TORQUE keeps the contract: its stand-in, and the original."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import local_shell
from typedxp.testing.contract import Place, SchedulerContract
from typedxp.testing.torque import FakeTorque


class TorqueContract(SchedulerContract):
    """What is the same for both."""

    held = ("-h",)

    @pytest.mark.parametrize("unheard", ["500000", "500000[]"])
    def test_a_job_after_one_that_is_not_known_is_refused(self, cluster: Cluster, place: Place, unheard: str) -> None:
        """By TORQUE itself."""
        with pytest.raises(SchedulerError, match="Dependency"):
            self.submit(cluster, place, "touch started", after=[unheard])


class TestFakeTorque(TorqueContract):
    @pytest.fixture
    def cluster(self) -> Iterator[Cluster]:
        with FakeTorque(speed=2) as torque:
            yield Cluster(get_scheduler("torque"), torque)


@pytest.mark.real("torque")
class TestRealTorque(TorqueContract):
    """The original looks at limits every ten seconds."""

    patience = 120.0
    pause = 0.2

    @pytest.fixture
    def cluster(self) -> Cluster:
        return Cluster(get_scheduler("torque"), local_shell)
