"""Schedulers by name: ours, and those that other packages add."""

from __future__ import annotations

import pytest

from typedxp.errors import ProfileError
from typedxp.schedulers.registry import get_scheduler, scheduler_names
from typedxp.schedulers.slurm import SlurmScheduler


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package with a scheduler."""

    def write(name: str, code: str) -> None:
        (tmp_path / f"{name}_plugin.py").write_text(code)
        metadata = tmp_path / f"{name}_plugin-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[typedxp.schedulers]\n{name} = {name}_plugin:Theirs\n")
        monkeypatch.syspath_prepend(tmp_path)

    return write


def test_ours_are_found() -> None:
    assert isinstance(get_scheduler("slurm"), SlurmScheduler)


def test_another_package_adds_one(install) -> None:
    install(
        "flux",
        "from typedxp.schedulers.slurm import SlurmScheduler\n\nclass Theirs(SlurmScheduler):\n    name = 'flux'\n",
    )

    assert "flux" in scheduler_names()
    assert get_scheduler("flux").name == "flux"


def test_one_that_does_not_load_is_named_with_its_package(install) -> None:
    install("broken", "raise RuntimeError('out of order')\n")

    assert get_scheduler("slurm").name == "slurm"
    with pytest.raises(ProfileError, match=r"'broken' of the package 'broken-plugin' does not load: out of order"):
        get_scheduler("broken")


def test_a_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(ProfileError, match=r"'slrum'\. Did you mean slurm\? Known: .*local, lsf, .*slurm"):
        get_scheduler("slrum")
    with pytest.raises(ProfileError, match=r"'xyz'\. Known: [^K]*$"):
        get_scheduler("xyz")
