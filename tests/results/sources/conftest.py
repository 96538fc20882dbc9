"""Directories that MLXP 1.0.5 and Hydra 1.3 really wrote, with neutral paths; each test works on a copy."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def mlxp_logs(tmp_path):
    """``lr=0.1,0.2 seed=0,1`` are runs 1-4; run 5 (``lr=0.9``) raised; run 6 went through MLXP's version manager."""
    return Path(shutil.copytree(HERE / "mlxp_logs", tmp_path / "mlxp_logs"))


@pytest.fixture
def multirun(tmp_path):
    """The sweeps ``optimizer=sgd,adam seed=0,1`` and, two seconds later, ``optimizer.lr=0.1,0.2 +extra=1``."""
    return Path(shutil.copytree(HERE / "hydra_jobs" / "multirun", tmp_path / "multirun"))


@pytest.fixture
def sweep(multirun):
    """The first of the sweeps."""
    return multirun / "2026-11-21" / "02-05-27"


@pytest.fixture
def single(tmp_path):
    """Two runs by themselves: ``seed=3``, and ``optimizer.lr=0.5``."""
    return Path(shutil.copytree(HERE / "hydra_jobs" / "runs", tmp_path / "runs"))


@pytest.fixture
def time_zone(monkeypatch):
    """A function that moves this machine to another time zone."""

    def move(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()
