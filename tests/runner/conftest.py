"""An experiment whose runs are submitted to a stand-in for Slurm."""

from __future__ import annotations

import importlib
import sys

import pytest

from typedxp.runner.following import follow
from typedxp.schedulers import Slurm
from typedxp.store.store import Store
from typedxp.testing.slurm import FakeSlurm

WORK = '''
import time

import typedxp


@typedxp.experiment
def work(run: typedxp.Run, seed: int = 0, flaky: bool = False) -> None:
    """Do what the tests want."""
    print("seed", seed)
    run.log(seed=seed)
    if flaky and run.attempt == 1:
        raise ValueError("only once")
'''


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Return an experiment in a module of its own, in ``tmp_path``, where we are."""
    (tmp_path / "submitted_work.py").write_text(WORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("submitted_work").work
    del sys.modules["submitted_work"]


@pytest.fixture
def busy():
    """Return a Slurm that starts nothing."""
    with FakeSlurm(slots=0, max_array=4) as slurm:
        yield slurm


@pytest.fixture
def launch(work):
    """Submit so many runs to a stand-in, with fields of a profile."""

    def submit(shell, count, **fields):
        return work.sweep({"seed": range(count)}, profile=Slurm(**fields), xp={"snapshot": "off"}, shell=shell)

    return submit


@pytest.fixture
def store(tmp_path):
    """Return the store of the runs."""
    return Store(tmp_path / "logs")


@pytest.fixture
def look(store):
    """Ask where runs stand; return the standings by id. A warning fails the test."""

    def ask(shell):
        warnings = []
        found = {one.directory.id: one for one in follow(store, store.runs(), warnings.append, shell)}
        assert not warnings
        return found

    return ask
