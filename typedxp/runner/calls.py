"""Owns launches from Python: what `run` and `sweep` of an experiment do."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from typedxp.errors import ConfigError, PlanError, Problem, SchedulerError
from typedxp.runner.given import read_given
from typedxp.runner.handles import RunHandle, SweepHandle
from typedxp.runner.judging import named_profile
from typedxp.runner.launching import Ended, check, execute, launch, snapshot
from typedxp.runner.planning import Launch, make_composer, plan, plan_config
from typedxp.runner.profiles import plain_profile
from typedxp.runner.resume import unfinished
from typedxp.runner.reuse import reuse
from typedxp.runner.show import summary
from typedxp.runner.submitting import check_job, launch_jobs
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.stages.declare.declaration import Declaration
from typedxp.stages.snapshot.peek import Seen
from typedxp.stages.validate.settings import judge_settings
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.plan import Composed
from typedxp.vocabulary.records import Code, RunStatus

if TYPE_CHECKING:
    from typedxp.schedulers.profile import Profile
    from typedxp.vocabulary.settings import Settings


class Call:
    """A launch of one experiment from Python, with the settings and the profile that were given for it."""

    def __init__(
        self,
        declaration: Declaration,
        verb: str,
        xp: Mapping[str, Any] | None,
        profile: Profile | Mapping[str, Any] | str | None,
        shell: Shell | None,
    ) -> None:
        self.declaration = declaration
        self.command = ["python", f"{declaration.name}.{verb}"]
        self.xp = _with_profile(xp, profile)
        self.shell = shell or local_shell

    def run(self, config: Any, values: Mapping[str, Any]) -> RunHandle:
        """Make one run: of a config, or of values.

        Raises:
            TypedxpError: something was refused; nothing was written.
        """
        if config is None:
            return self.sweep({}, values)[0]
        if values:
            problems = [Problem(key, "", "Python", "Give a config or values, not both.") for key in values]
            raise ConfigError(self.declaration.name, problems)
        return self._launch(plan_config(self.declaration, config, self._settings()))[0]

    def sweep(self, axes: Mapping[str, Any], values: Mapping[str, Any]) -> SweepHandle:
        """Make the runs of all points of ``axes``, with the same ``values``.

        Raises:
            TypedxpError: something was refused; nothing was written.
        """
        declaration = self.declaration
        assignments = read_given(declaration, axes, values, self.xp)
        composer = make_composer(declaration, declaration.config_directory, declaration.config_name)
        with composer.active():
            what = plan(declaration, composer, assignments, _refuse_large)
        return self._launch(what)

    def _settings(self) -> Settings:
        from typedxp.vocabulary.settings import Settings

        nowhere = Composed({}, {}, {}, {}, (), lambda _: "Python")
        profile = self.xp.get("profile")
        xp = {**self.xp, "profile": named_profile(profile)} if isinstance(profile, str) else self.xp
        settings: Settings | list[Problem] = judge_settings(Settings, xp, nowhere)
        if isinstance(settings, list):
            raise ConfigError(self.declaration.name, settings)
        return settings

    def _launch(self, what: Launch) -> SweepHandle:
        directories: list[RunDirectory] = []
        if what.settings.resume is not None:
            runs = execute(self.declaration, what.settings, unfinished(what), _ignore)
        else:
            check(what)
            if what.profile is not None:
                check_job(what, self.shell)
            code = snapshot(what)
            left = reuse(what, lambda: Seen(code))
            directories += left.directories
            if what.profile is not None:
                directories += self._submit(left.what, code)
                return _handle(directories, self.shell)
            runs = self._start(left.what, code)
        with closing(runs):
            for ended in runs:
                directories.append(ended[0])
                _report(ended)
        return _handle(directories, self.shell)

    def _submit(self, what: Launch, code: Code | None) -> Sequence[RunDirectory]:
        if not what.plan.runs:
            return ()
        made = launch_jobs(what, code, self.command, self.shell)
        if made.refused is not None:
            raise SchedulerError(made.refused)
        return made.runs

    def _start(self, what: Launch, code: Code | None) -> Generator[Ended]:
        if what.plan.runs:
            yield from launch(what, code, self.command, _ignore)


def _with_profile(xp: Mapping[str, Any] | None, profile: Profile | Mapping[str, Any] | str | None) -> Mapping[str, Any]:
    """Put a profile among the settings: its name, or what it sets."""
    if profile is None:
        return xp or {}
    return {**(xp or {}), "profile": profile if isinstance(profile, str) else dict(plain_profile(profile))}


def _handle(directories: Sequence[RunDirectory], shell: Shell) -> SweepHandle:
    return SweepHandle(tuple(RunHandle(run.path) for run in sorted(directories, key=lambda run: run.id)), shell)


def _ignore(_: RunDirectory) -> None:
    """Hear that a run has started."""


def _refuse_large(count: int, limit: int) -> None:
    raise PlanError(f"The plan has {count} runs, more than xp.max_runs={limit}. Raise it if you mean it.")


def _report(ended: Ended) -> None:
    directory, status = ended
    if status.failure is not None and status.exit_code is None:
        # Failures of worker processes are in their stderr.log.
        print(status.failure.traceback, file=sys.stderr, end="")
    if status.status is RunStatus.FAILED:
        print(summary(directory, status), file=sys.stderr)
