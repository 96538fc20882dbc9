"""Owns the check of a profile: a script is written, and its scheduler judges it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from typedxp.runner.judging import judge_named, named_profile
from typedxp.runner.submitting import cluster_of, python_of
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.stages.submit import Work, write_script

_ELEMENTS = 2


def check_profile(name: str, shown: Callable[[str], None], shell: Shell = local_shell) -> str:
    """Write the script of a small array with a profile, which is ``shown``; return what the scheduler says of it.

    Its words are passed on as such: that they speak of the script at all is for the reader to judge.

    Raises:
        ProfileError: there is no such profile.
        ConfigError: it is not valid.
        SchedulerError: the scheduler refuses it, or is not here.
    """
    profile = judge_named(named_profile(name), name)
    cluster = cluster_of(profile, shell)
    with tempfile.TemporaryDirectory(prefix="typedxp-") as place:
        script = Path(place) / "job.sh"
        text = write_script(cluster, profile, Work(name, Path.cwd(), python_of(profile)), _ELEMENTS, Path(place))
        shown(text)
        script.write_text(text)
        script.chmod(0o755)
        said = cluster.test(script)
    if said is None:
        return f"{profile.scheduler} cannot test a script without submitting it."
    return f"{profile.scheduler} says: {said}"
