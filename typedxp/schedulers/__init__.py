"""Cluster profiles: one typed model per scheduler; and what a scheduler of another package is made of."""

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
    from typedxp.schedulers.registry import get_scheduler
    from typedxp.schedulers.sge import Sge
    from typedxp.schedulers.shell import Command, Reply, Shell, answered, batches, local_shell, unreadable
    from typedxp.schedulers.slurm import Slurm
    from typedxp.schedulers.torque import Torque
    from typedxp.schedulers.units import Memory, Walltime
    from typedxp.vocabulary.jobs import JobState, JobStatus

_HOMES = {
    "Cluster": "typedxp.schedulers.base",
    "Command": "typedxp.schedulers.shell",
    "Job": "typedxp.schedulers.job",
    "JobState": "typedxp.vocabulary.jobs",
    "JobStatus": "typedxp.vocabulary.jobs",
    "Local": "typedxp.schedulers.local",
    "Lsf": "typedxp.schedulers.lsf",
    "Memory": "typedxp.schedulers.units",
    "Moab": "typedxp.schedulers.moab",
    "Oar": "typedxp.schedulers.oar",
    "Pbs": "typedxp.schedulers.pbs",
    "Profile": "typedxp.schedulers.profile",
    "Reply": "typedxp.schedulers.shell",
    "Scheduler": "typedxp.schedulers.base",
    "Sge": "typedxp.schedulers.sge",
    "Shell": "typedxp.schedulers.shell",
    "Slurm": "typedxp.schedulers.slurm",
    "Submitted": "typedxp.schedulers.base",
    "Torque": "typedxp.schedulers.torque",
    "Walltime": "typedxp.schedulers.units",
    "answered": "typedxp.schedulers.shell",
    "batches": "typedxp.schedulers.shell",
    "get_scheduler": "typedxp.schedulers.registry",
    "local_shell": "typedxp.schedulers.shell",
    "unreadable": "typedxp.schedulers.shell",
}

__all__ = [
    "Cluster",
    "Command",
    "Job",
    "JobState",
    "JobStatus",
    "Local",
    "Lsf",
    "Memory",
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
    "Walltime",
    "answered",
    "batches",
    "get_scheduler",
    "local_shell",
    "unreadable",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'typedxp.schedulers' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
