"""Experiments in files of their own, which worker processes can load."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from textwrap import dedent

import pytest

from typedxp.runner.experiment import Experiment
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.records import Status

_numbers = count()


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Experiment]:
    """Declare ``train`` as in a module of the given source; ``logs`` is in ``tmp_path``, the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "code")

    def declare(source: str) -> Experiment:
        name = f"declared_{next(_numbers)}"
        (tmp_path / "code").mkdir(exist_ok=True)
        (tmp_path / "code" / f"{name}.py").write_text("import typedxp\n" + dedent(source))
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        # Forgotten after the test.
        monkeypatch.setitem(sys.modules, name, module)
        experiment: Experiment = module.train
        return experiment

    return declare


@pytest.fixture
def statuses(tmp_path: Path) -> Callable[[], dict[int, Status]]:
    """Read the status of every run in ``logs``."""
    return lambda: {directory.id: directory.read_status() for directory in Store(tmp_path / "logs").runs()}


@pytest.fixture
def run_directory(tmp_path: Path) -> Callable[[int], RunDirectory]:
    return lambda number: Store(tmp_path / "logs").run(number)
