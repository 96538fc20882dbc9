"""Slurm keeps the contract: its stand-in, and the original."""

from __future__ import annotations

import pytest

from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import local_shell
from typedxp.testing.contract import SchedulerContract


@pytest.mark.real("slurm")
class TestRealSlurm(SchedulerContract):
    """On the original, limits are minutes, and looked at every half of one."""

    patience = 200.0
    pause = 0.2
    fields = {"mem": "20M"}
    held = ("--hold",)
    limited = {"time": "1m"}
    warned = {"time": "1m", "warn": "30s"}

    @pytest.fixture
    def cluster(self) -> Cluster:
        return Cluster(get_scheduler("slurm"), local_shell)
