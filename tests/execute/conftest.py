"""Experiments in files of their own, which worker processes can load."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
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


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    def wait(condition: Callable[[], object], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "It did not happen in time."
            time.sleep(0.02)

    return wait


@pytest.fixture
def launched(
    tmp_path: Path, wait_until: Callable[[Callable[[], object]], None]
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``train.py`` in ``tmp_path``; return once so many of its runs have written their ``pid.*``."""
    started: list[subprocess.Popen[str]] = []

    def launch(*arguments: str, running: int = 1) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "train.py", *arguments],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        wait_until(lambda: len(list(tmp_path.glob("pid.*"))) >= running or process.poll() is not None)
        return process

    yield launch
    for process in started:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
    for file in tmp_path.glob("pid.*"):
        # Workers that a test which failed has left.
        with suppress(ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGKILL)
