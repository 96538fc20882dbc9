"""What the tests of artifacts share: a directory of artifacts, and a second process that saves to it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from typedxp.artifacts.directory import Artifacts


@pytest.fixture
def artifacts(tmp_path):
    return Artifacts(tmp_path / "artifacts")


@pytest.fixture
def leftovers(artifacts):
    """List what lies in the directory, apart from what is always there."""

    def list_files() -> list[str]:
        root = artifacts.directory
        files = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
        return [file for file in files if file not in {".drafts", ".drafts/lock"}]

    return list_files


@pytest.fixture
def start(artifacts, tmp_path):
    """Start processes that run some code with ``artifacts`` and ``Path`` at hand, and say when they begin."""
    started = []

    def start_process(code: str) -> subprocess.Popen[bytes]:
        head = "import sys; from pathlib import Path; from typedxp.artifacts.directory import Artifacts\n"
        head += f"artifacts = Artifacts({str(artifacts.directory)!r}); print(flush=True)\n"
        process = subprocess.Popen([sys.executable, "-c", head + code], cwd=tmp_path, stdout=subprocess.PIPE)
        started.append(process)
        process.stdout.readline()
        return process

    yield start_process
    for process in started:
        process.kill()
        process.communicate()
