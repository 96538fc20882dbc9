"""OAR keeps the contract: its stand-in, and the original."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import local_shell
from typedxp.testing.contract import SchedulerContract
from typedxp.testing.oar import FakeOar

NEEDS = {
    "gpus": {"gpu_level": "gpu"},
    "gpu_type": {"gpu_type_property": "gpu_model"},
    "mem": {"memory_property": "memnode"},
}


class TestFakeOar(SchedulerContract):
    """The stand-in has no patience with limits."""

    held = ("--hold",)
    needs = NEEDS

    @pytest.fixture
    def cluster(self) -> Iterator[Cluster]:
        with FakeOar() as oar:
            yield Cluster(get_scheduler("oar"), oar)


@pytest.mark.real("oar")
class TestRealOar(SchedulerContract):
    """On the original, each step of a job takes a second or two, and limits are looked at every ten or so."""

    patience = 120.0
    pause = 0.3
    held = ("--hold",)
    needs = NEEDS
    limited = {"time": "5s"}
    warned = {"time": "60s", "warn": "55s"}

    @pytest.fixture
    def cluster(self) -> Cluster:
        return Cluster(get_scheduler("oar"), local_shell)
