"""Slurm keeps the contract: its stand-in, and the original."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.schedulers.shell import Command, local_shell
from typedxp.testing.contract import SchedulerContract
from typedxp.testing.slurm import FakeSlurm


class SlurmContract(SchedulerContract):
    """What is the same for both. Slurm counts time in minutes."""

    held = ("--hold",)
    limited = {"time": "1m"}
    warned = {"time": "1m", "warn": "30s"}


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
