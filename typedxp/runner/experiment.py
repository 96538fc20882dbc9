"""Owns what a decorated function becomes: an experiment, launched from its command line, from Python or a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from typedxp.errors import ConfigError, PlanError, Problem, SchedulerError
from typedxp.results.open import open_results
from typedxp.runner.commands import command_line
from typedxp.runner.following import Standing
from typedxp.runner.given import read_given
from typedxp.runner.launching import Ended, check, execute, launch, snapshot
from typedxp.runner.planning import Launch, make_composer, plan, plan_config
from typedxp.runner.profiles import named_profile, plain_profile
from typedxp.runner.resume import unfinished
from typedxp.runner.reuse import reuse
from typedxp.runner.show import summary
from typedxp.runner.submitting import check_job, launch_jobs
from typedxp.runner.waiting import wait
from typedxp.schedulers.shell import Shell, local_shell
from typedxp.stages.declare.declaration import Declaration, declare
from typedxp.stages.snapshot.peek import Seen
from typedxp.stages.validate.settings import judge_settings
from typedxp.store.directory import RunDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.plan import Composed
from typedxp.vocabulary.records import Code, RunStatus

if TYPE_CHECKING:
    import xarray

    from typedxp.schedulers.profile import Profile
    from typedxp.vocabulary.settings import Settings


@dataclass(frozen=True)
class RunHandle:
    """A run that was launched from Python."""

    directory: Path

    @property
    def id(self) -> int:
        """The number of the run in its store."""
        return int(self.directory.name)

    @property
    def status(self) -> RunStatus:
        """Where the run stands now.

        Raises:
            StoreError: its files are gone.
        """
        return RunDirectory(self.directory).read_status().status

    def results(self) -> xarray.Dataset:
        """Open what the run recorded: no swept dimensions, one step dimension per stream."""
        dataset = open_results(self.directory.parent, runs=[self.id])
        return dataset.isel(dict.fromkeys(dataset["run"].dims, 0))


@dataclass(frozen=True)
class SweepHandle(Sequence[RunHandle]):
    """The runs of a sweep that was launched from Python, in the order of the plan."""

    runs: tuple[RunHandle, ...]
    shell: Shell = local_shell

    @overload
    def __getitem__(self, index: int) -> RunHandle: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[RunHandle]: ...

    def __getitem__(self, index: int | slice) -> RunHandle | Sequence[RunHandle]:
        return self.runs[index]

    def __len__(self) -> int:
        return len(self.runs)

    def wait(self) -> SweepHandle:
        """Wait until the jobs of the runs have ended, and return this; runs that were made here have.

        Raises:
            StoreError: the files of a run are gone.
        """
        if self.runs:
            directories = [RunDirectory(run.directory) for run in self.runs]
            wait(Store(self.runs[0].directory.parent), directories, _nothing, _warn, self.shell)
        return self

    def results(self) -> xarray.Dataset:
        """Open what the runs recorded: one dimension per swept key, one step dimension per stream."""
        return open_results(self.runs[0].directory.parent, runs=[run.id for run in self.runs])


class Experiment(Declaration):
    """A function with a schema. Calling it is a plain call of the function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself, as in a unit test: nothing is validated or recorded."""
        return self.function(*args, **kwargs)

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Run the command line of the experiment, and exit.

        The exit code is 0 if all runs completed, 1 if any did not, 2 if something was refused, 130 after Ctrl-C.
        """
        sys.exit(command_line(self, sys.argv[0], sys.argv[1:] if arguments is None else arguments))

    def run(
        self,
        config: Any = None,
        /,
        *,
        xp: Mapping[str, Any] | None = None,
        profile: Profile | Mapping[str, Any] | str | None = None,
        shell: Shell = local_shell,
        **values: Any,
    ) -> RunHandle:
        """Make one run, here and now, or submit it with a ``profile``: see :meth:`sweep`.

        Give a config (an instance of the schema) or values (``lr=0.1``; dotted keys as ``**{"optimizer.lr": 0.1}``),
        which are composed and validated as on the command line. ``xp`` holds settings, as in ``xp={"logs": "runs"}``.

        Raises:
            TypedxpError: something was refused; nothing was written.
        """
        xp = _with_profile(xp, profile)
        if config is None:
            return self._launch(self._plan({}, values, xp), "run", shell)[0]
        if values:
            problems = [Problem(key, "", "Python", "Give a config or values, not both.") for key in values]
            raise ConfigError(self.name, problems)
        return self._launch(plan_config(self, config, self._settings(xp)), "run", shell)[0]

    def sweep(
        self,
        axes: Mapping[str, Any],
        /,
        *,
        xp: Mapping[str, Any] | None = None,
        profile: Profile | Mapping[str, Any] | str | None = None,
        shell: Shell = local_shell,
        **values: Any,
    ) -> SweepHandle:
        """Make the runs of a sweep, here and now: ``train.sweep({"optimizer.lr": [0.1, 0.01], "seed": range(5)})``.

        A list, tuple, range, iterator or one-dimensional array in ``axes`` is an axis, anything else one value;
        ``values`` and ``xp`` are as for :meth:`run`. With ``xp={"resume": "unfinished"}``, go on with earlier runs.

        With a ``profile``, or the name of one, the runs are submitted to its scheduler, and this returns at once:
        ``train.sweep({"seed": range(100)}, profile=Slurm(partition="gpu", time="2h"))``. The scheduler's commands are
        given to ``shell``, where a test puts a stand-in.

        Raises:
            TypedxpError: something was refused; nothing was written.
        """
        return self._launch(self._plan(axes, values, _with_profile(xp, profile)), "sweep", shell)

    def _plan(self, axes: Mapping[str, Any], values: Mapping[str, Any], xp: Mapping[str, Any] | None) -> Launch:
        assignments = read_given(self, axes, values, xp or {})
        composer = make_composer(self, self.config_directory, self.config_name)
        with composer.active():
            return plan(self, composer, assignments, _refuse_large)

    def _settings(self, xp: Mapping[str, Any]) -> Settings:
        from typedxp.vocabulary.settings import Settings

        nowhere = Composed({}, {}, {}, {}, (), lambda _: "Python")
        xp = {**xp, "profile": named_profile(xp["profile"])} if isinstance(xp.get("profile"), str) else xp
        settings: Settings | list[Problem] = judge_settings(Settings, xp, nowhere)
        if isinstance(settings, list):
            raise ConfigError(self.name, settings)
        return settings

    def _launch(self, what: Launch, verb: str, shell: Shell) -> SweepHandle:
        directories: list[RunDirectory] = []
        if what.settings.resume is not None:
            runs = self._resume(what)
        else:
            check(what)
            if what.profile is not None:
                check_job(what, shell)
            code = snapshot(what)
            left = reuse(what, lambda: Seen(code))
            directories += left.directories
            if what.profile is not None:
                directories += self._submit(left.what, code, verb, shell)
                return _handle(directories, shell)
            runs = self._start(left.what, code, verb)
        with closing(runs):
            for ended in runs:
                directories.append(ended[0])
                _report(ended)
        return _handle(directories, shell)

    def _submit(self, what: Launch, code: Code | None, verb: str, shell: Shell) -> Sequence[RunDirectory]:
        if not what.plan.runs:
            return ()
        made = launch_jobs(what, code, ["python", f"{self.name}.{verb}"], shell)
        if made.refused is not None:
            raise SchedulerError(made.refused)
        return made.runs

    def _start(self, what: Launch, code: Code | None, verb: str) -> Generator[Ended]:
        if what.plan.runs:
            yield from launch(what, code, ["python", f"{self.name}.{verb}"], _ignore)

    def _resume(self, what: Launch) -> Generator[Ended]:
        return execute(self, what.settings, unfinished(what), _ignore)


@overload
def experiment(function: Callable[..., Any], /) -> Experiment: ...


@overload
def experiment(
    *,
    name: str | None = None,
    config_path: str | None = None,
    config_name: str | None = None,
    seed_with: Callable[[int], Any] | None = None,
) -> Callable[[Callable[..., Any]], Experiment]: ...


def experiment(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    config_path: str | None = None,
    config_name: str | None = None,
    seed_with: Callable[[int], Any] | None = None,
) -> Experiment | Callable[[Callable[..., Any]], Experiment]:
    """Make a function an experiment.

    The schema is the annotation of the config parameter (a pydantic model, a pydantic or stdlib dataclass, or
    ``omegaconf.DictConfig`` for untyped YAML), or the function's own signature where it has no such parameter. A
    parameter called ``run``, or annotated with :class:`typedxp.Run`, takes what the function logs to.

    ``name`` is the function's name by default. ``config_path`` is a directory of YAML files, relative to the file of
    the function, ``config_name`` the primary one (``config``). ``seed_with`` is called with ``config.seed`` before the
    function.

    Raises:
        DeclarationError: the function cannot be an experiment.
    """
    if function is None:
        return lambda function: experiment_of(function, name, config_path, config_name, seed_with)
    return experiment_of(function, name, config_path, config_name, seed_with)


def experiment_of(
    function: Callable[..., Any],
    name: str | None,
    config_path: str | None,
    config_name: str | None,
    seed_with: Callable[[int], Any] | None,
) -> Experiment:
    """Make the experiment of a function, which keeps the function's name and documentation."""
    declared = declare(function, name=name, config_path=config_path, config_name=config_name, seed_with=seed_with)
    made = Experiment(**declared)
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        # A declaration is frozen for everybody else.
        object.__setattr__(made, attribute, getattr(function, attribute))
    object.__setattr__(made, "__wrapped__", function)
    return made


def _ignore(_: RunDirectory) -> None:
    """Hear that a run has started."""


def _handle(directories: Sequence[RunDirectory], shell: Shell) -> SweepHandle:
    return SweepHandle(tuple(RunHandle(run.path) for run in sorted(directories, key=lambda run: run.id)), shell)


def _with_profile(xp: Mapping[str, Any] | None, profile: Profile | Mapping[str, Any] | str | None) -> Mapping[str, Any]:
    """Put a profile among the settings: its name, or what it sets."""
    if profile is None:
        return xp or {}
    return {**(xp or {}), "profile": profile if isinstance(profile, str) else dict(plain_profile(profile))}


def _nothing(_: Sequence[Standing]) -> None:
    """Hear where runs stand."""


def _warn(text: str) -> None:
    print(f"typedxp: {text}", file=sys.stderr)


def _refuse_large(count: int, limit: int) -> None:
    raise PlanError(f"The plan has {count} runs, more than xp.max_runs={limit}. Raise it if you mean it.")


def _report(ended: Ended) -> None:
    directory, status = ended
    if status.failure is not None and status.exit_code is None:
        # Failures of worker processes are in their stderr.log.
        print(status.failure.traceback, file=sys.stderr, end="")
    if status.status is RunStatus.FAILED:
        print(summary(directory, status), file=sys.stderr)
