"""Owns the list of schedulers: ours, and those of other packages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from typedxp.errors import ProfileError, nearest

if TYPE_CHECKING:
    from typedxp.schedulers.base import Scheduler

GROUP = "typedxp.schedulers"
"""The entry points by which other packages add schedulers: the name, and the class."""

OURS = {
    "slurm": "SlurmScheduler",
    "pbs": "PbsScheduler",
    "torque": "TorqueScheduler",
    "sge": "SgeScheduler",
    "oar": "OarScheduler",
    "moab": "MoabScheduler",
    "lsf": "LsfScheduler",
    "local": "LocalScheduler",
}
"""Our schedulers: each in the module of its name."""


def scheduler_names() -> list[str]:
    """Name all schedulers, ours first."""
    return list(added_by())


def added_by() -> dict[str, str]:
    """Return the package that adds each scheduler, ours first."""
    from importlib.metadata import entry_points

    theirs = {point.name: point.dist.name if point.dist else point.value for point in entry_points(group=GROUP)}
    return {**dict.fromkeys(OURS, "typedxp"), **{name: theirs[name] for name in sorted(set(theirs) - set(OURS))}}


def get_scheduler(name: str) -> Scheduler:
    """Return the scheduler of this name; nothing but it is loaded.

    Raises:
        ProfileError: there is none, or the package that adds it does not load.
    """
    if name in OURS:
        ours: type[Scheduler] = getattr(import_module(f"typedxp.schedulers.{name}"), OURS[name])
        return ours()
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=name):
        try:
            theirs: type[Scheduler] = point.load()
            return theirs()
        except Exception as error:
            package = point.dist.name if point.dist is not None else point.value
            raise ProfileError(f"The scheduler {name!r} of the package {package!r} does not load: {error}") from error
    known = sorted(scheduler_names())
    hints = dict.fromkeys([nearest(name, known), f"Known: {', '.join(known)}."])
    raise ProfileError(f"No scheduler is called {name!r}. {' '.join(hints)}")
