"""Owns the check of a profile: a script is written, and its scheduler judges it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from typedxp.errors import ConfigError
from typedxp.runner.profiles import judge_profile, named_profile
from typedxp.runner.submitting import cluster_of, python_of
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.stages.submit import Work, write_script
from typedxp.vocabulary.plan import Composed

_ELEMENTS = 2


def check_profile(name: str, shell: Shell = local_shell) -> tuple[str, str]:
    """Write the script of a small array with a profile; return it, and what the scheduler says of it.

    Raises:
        ProfileError: there is no such profile.
        ConfigError: it is not valid.
        SchedulerError: the scheduler refuses it.
    """
    profile = judge_profile(named_profile(name), Composed({}, {}, {}, {}, (), lambda _: "default"), name)
    if isinstance(profile, list):
        raise ConfigError(f"the profile {name}", profile)
    cluster = cluster_of(profile, shell)
    with tempfile.TemporaryDirectory(prefix="typedxp-") as place:
        script = Path(place) / "job.sh"
        text = write_script(cluster, profile, Work(name, Path.cwd(), python_of(profile)), _ELEMENTS, Path(place))
        script.write_text(text)
        script.chmod(0o755)
        said = cluster.test(script)
    return text, said or f"{profile.scheduler} cannot test a script without submitting it."
