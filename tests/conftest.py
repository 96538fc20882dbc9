"""What the tests share: a shell in which a user types, in a directory of its own."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from typedxp.stages.snapshot.checkout import remove_checkout

# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

REAL = ("slurm", "sge", "oar")
CLUSTERS = Path(__file__).parent / "clusters"

Shell = Callable[..., str]

# Whoever runs the tests in the background has Ctrl-C ignored, and so would the commands that the tests type.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs tests on real clusters."""
    parser.addoption("--real", default="", metavar="NAMES", help=f"test the real {', '.join(REAL)}: names, by commas")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse clusters that there are none of."""
    if unknown := _chosen(config) - set(REAL):
        raise pytest.UsageError(f"--real: there is no {', '.join(sorted(unknown))}, but {', '.join(REAL)}")


def _chosen(config: pytest.Config) -> set[str]:
    return set(filter(None, config.getoption("--real").split(",")))


@pytest.fixture(autouse=True)
def real_cluster(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring up the cluster of a test that is marked ``real``, and say in the environment how to reach it."""
    mark = request.node.get_closest_marker("real")
    if mark is None:
        return
    [name] = mark.args
    if name not in _chosen(request.config):
        pytest.skip(f"needs a real {name}: pytest --real {name}")
    for variable, value in _brought_up(name).items():
        monkeypatch.setenv(variable, value)


@cache
def _brought_up(name: str) -> dict[str, str]:
    """Bring up a cluster, or find it up. Of several at the same time, one does it and the others wait."""
    done = subprocess.run([CLUSTERS / name / "up"], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{CLUSTERS / name / 'up'} exited with {done.returncode}:\n{done.stderr}"
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the tests let typedxp remember of this machine out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def never_frozen() -> Iterator[None]:
    """Have nothing set aside from the garbage collector: the process that a command expects to end goes on here.

    Each launch would count anew what is set aside, and that would be more with every test.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "freeze", lambda: None)
        yield


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Type a command in ``tmp_path``, as a user does, and return what it prints; fail if it exits with another code."""
    yield shell_in(tmp_path)
    for place in tmp_path.glob("**/.typedxp/checkouts"):
        # Which cannot be removed with all the rest, since nobody may write in there.
        remove_checkout(place)


def shell_in(place: Path) -> Shell:
    """Return what types commands in ``place``."""
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        # Output comes in the order in which a terminal shows it.
        "PYTHONUNBUFFERED": "1",
        "MPLBACKEND": "Agg",
    }

    def type_in(command: str, code: int = 0) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        assert done.returncode == code, f"`{command}` exited with {done.returncode}:\n{done.stdout}"
        return done.stdout

    return type_in


class Original:
    """A project that is made once, for runs take long to launch, and put back for each test.

    Always at the same place, since its files tell where it is.
    """

    def __init__(self, place: Path) -> None:
        self.project = place / "project"
        self._copy = place / "copy"
        self.project.mkdir()

    def keep(self) -> None:
        """Remember the project as it is."""
        shutil.copytree(self.project, self._copy, symlinks=True)

    def put_back(self) -> Path:
        """Make the project again what it was, and return where it is."""
        remove_checkout(self.project)
        return shutil.copytree(self._copy, self.project, symlinks=True)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    """Give a module one project of its own to make."""
    place = tmp_path_factory.mktemp("original")
    yield Original(place)
    remove_checkout(place)
