"""The local scheduler keeps the contract. There is no stand-in: the queue itself is at hand everywhere."""

from __future__ import annotations

import pytest

from tests.schedulers.local_queue import LocalQueue
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.registry import get_scheduler
from typedxp.testing.contract import SchedulerContract


class TestLocal(SchedulerContract):
    held = ("--hold",)
    fields = {"slots": 8}
    limited = {"time": "1s"}
    warned = {"time": "20s", "warn": "19s"}

    @pytest.fixture
    def cluster(self, tmp_path) -> Cluster:
        return Cluster(get_scheduler("local"), LocalQueue(tmp_path / "state"))
