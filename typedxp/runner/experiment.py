"""Owns what a decorated function becomes: an experiment, launched from its command line, from Python or a notebook.

What launches is loaded when something is launched: a worker, which only declares the experiment, starts sooner.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from typedxp.stages.declare.declaration import Declaration, declare

if TYPE_CHECKING:
    from typedxp.runner.handles import RunHandle, SweepHandle
    from typedxp.schedulers.profile import Profile
    from typedxp.schedulers.shell import Shell


class Experiment(Declaration):
    """A function with a schema. Calling it is a plain call of the function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself, as in a unit test: nothing is validated or recorded."""
        return self.function(*args, **kwargs)

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Run the command line of the experiment, and exit.

        The exit code is 0 if all runs completed, 1 if any did not, 2 if something was refused, 130 after Ctrl-C.
        """
        from typedxp.runner.commands import command_line

        sys.exit(command_line(self, sys.argv[0], sys.argv[1:] if arguments is None else arguments))

    def run(
        self,
        config: Any = None,
        /,
        *,
        xp: Mapping[str, Any] | None = None,
        profile: Profile | Mapping[str, Any] | str | None = None,
        shell: Shell | None = None,
        **values: Any,
    ) -> RunHandle:
        """Make one run, here and now, or submit it with a ``profile``: see :meth:`sweep`.

        Give a config (an instance of the schema) or values (``lr=0.1``; dotted keys as ``**{"optimizer.lr": 0.1}``),
        which are composed and validated as on the command line. ``xp`` holds settings, as in ``xp={"logs": "runs"}``.

        Raises:
            TypedxpError: something was refused; nothing was written.
        """
        from typedxp.runner.calls import Call

        return Call(self, "run", xp, profile, shell).run(config, values)

    def sweep(
        self,
        axes: Mapping[str, Any],
        /,
        *,
        xp: Mapping[str, Any] | None = None,
        profile: Profile | Mapping[str, Any] | str | None = None,
        shell: Shell | None = None,
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
        from typedxp.runner.calls import Call

        return Call(self, "sweep", xp, profile, shell).sweep(axes, values)


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
