"""Cluster profiles: one typed model per scheduler."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typedxp.schedulers.base import Cluster, Scheduler, Submitted
    from typedxp.schedulers.job import Job
    from typedxp.schedulers.local import Local
    from typedxp.schedulers.lsf import Lsf
    from typedxp.schedulers.moab import Moab
    from typedxp.schedulers.oar import Oar
    from typedxp.schedulers.pbs import Pbs
    from typedxp.schedulers.profile import Profile
    from typedxp.schedulers.sge import Sge
    from typedxp.schedulers.shell import Command, Reply, Shell
    from typedxp.schedulers.slurm import Slurm
    from typedxp.schedulers.torque import Torque

_HOMES = {
    "Cluster": "base",
    "Command": "shell",
    "Job": "job",
    "Local": "local",
    "Lsf": "lsf",
    "Moab": "moab",
    "Oar": "oar",
    "Pbs": "pbs",
    "Profile": "profile",
    "Reply": "shell",
    "Scheduler": "base",
    "Sge": "sge",
    "Shell": "shell",
    "Slurm": "slurm",
    "Submitted": "base",
    "Torque": "torque",
}

__all__ = [
    "Cluster",
    "Command",
    "Job",
    "Local",
    "Lsf",
    "Moab",
    "Oar",
    "Pbs",
    "Profile",
    "Reply",
    "Scheduler",
    "Sge",
    "Shell",
    "Slurm",
    "Submitted",
    "Torque",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'typedxp.schedulers' has no attribute {name!r}")
    value = getattr(import_module(f"typedxp.schedulers.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
