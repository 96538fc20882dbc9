"""Owns the command line of an experiment: what each flag does, and the exit codes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from typedxp.errors import ConfigError, PlanError, TypedxpError
from typedxp.runner import show
from typedxp.runner.flags import Flags, parse_flags
from typedxp.runner.garbage import seldom_collected
from typedxp.runner.launching import Ended, check, execute, launch, snapshot
from typedxp.runner.planning import Launch, make_composer, plan
from typedxp.runner.resume import unfinished
from typedxp.runner.reuse import look_at_code, reuse
from typedxp.runner.scripts.session import Session, current
from typedxp.runner.submitting import Submission, check_job, launch_jobs, script_of
from typedxp.runner.waiting import Watch, exit_code, wait
from typedxp.stages.compose import inspect
from typedxp.stages.compose.composer import Composer
from typedxp.stages.compose.grammar import parse
from typedxp.stages.declare.declaration import Declaration
from typedxp.stages.snapshot.peek import Seen
from typedxp.store.store import Store
from typedxp.vocabulary.printing import printing
from typedxp.vocabulary.records import Code, RunStatus
from typedxp.vocabulary.stopping import Stopped
from typedxp.vocabulary.telling import tell


def command_line(declaration: Declaration, program: str, arguments: Sequence[str]) -> int:
    """Do what was typed; return the exit code: 0 done, 1 a run failed, 2 refused, 128 and more stopped."""
    try:
        with current() as script:
            code = printing(partial(_answered, declaration, program, arguments, script))
            if script is not None:
                script.ended(code)
        return code
    except TypedxpError as error:
        return _refused(error)


def _refused(error: TypedxpError) -> int:
    tell(error)
    return 2


def _answered(declaration: Declaration, program: str, arguments: Sequence[str], script: Session | None) -> int:
    try:
        flags = parse_flags(arguments, Path(program).name)
        if script is not None and script.dry_run:
            flags = replace(flags, dry_run=True)
        with seldom_collected(stays=True):
            what = _answer_or_plan(declaration, flags, Path(program).name, script)
        return 0 if what is None else _execute(what, flags, [program, *arguments], script)
    except TypedxpError as error:
        return _refused(error)
    except KeyboardInterrupt:
        tell("interrupted. To go on with what did not complete: xp.resume=unfinished")
        return 130
    except Stopped as stopped:
        tell(stopped)
        return 128 + stopped.request.signal


def _answer_or_plan(declaration: Declaration, flags: Flags, program: str, script: Session | None) -> Launch | None:
    """Answer a question about the experiment, or plan what was asked for."""
    composer = _composer(declaration, flags)
    with composer.active():
        if flags.completion or flags.info is not None or flags.help:
            _answer(declaration, composer, flags, program)
            return None
        assignments, problems = parse(flags.overrides, composer.group_options)
        if flags.cfg is None:
            given = script.assignments(assignments) if script is not None else assignments
            what = plan(declaration, composer, given, partial(_confirm, flags), problems)
            return script.adopt(what) if script is not None else what
        if problems:
            raise ConfigError(declaration.name, problems)
        inspect.config(composer, assignments, flags.cfg, resolved=flags.resolve, package=flags.package)
        return None


def _answer(declaration: Declaration, composer: Composer, flags: Flags, program: str) -> None:
    if flags.completion:
        inspect.complete(composer, flags.overrides)
    elif flags.info is not None:
        inspect.info(composer, flags.overrides, flags.info)
    else:
        show.help_text(declaration, composer, program)


def _execute(what: Launch, flags: Flags, command: Sequence[str], script: Session | None) -> int:
    check(what)
    if what.profile is not None and not flags.dry_run:
        check_job(what)
    if what.settings.resume is not None:
        return _resume(what, flags)
    if flags.dry_run:
        left = reuse(what, partial(look_at_code, what))
        show.reused(left.notes)
        what = script.fresh(left.what) if script is not None else left.what
        if what.plan.runs:
            show.plan_table(what)
            if what.profile is not None:
                print(f"\n{script_of(what, len(what.plan.runs))}", end="")
        return 0
    return _launch(what, command, script)


def _composer(declaration: Declaration, flags: Flags) -> Composer:
    directory = declaration.config_directory
    if flags.config_path is not None:
        directory = (Path(declaration.function.__code__.co_filename).parent / flags.config_path).absolute()
    name = flags.config_name or declaration.config_name
    return make_composer(declaration, directory, name, [flags.config_dir] if flags.config_dir else [])


def _confirm(flags: Flags, count: int, limit: int) -> None:
    if flags.yes or flags.dry_run:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise PlanError(f"The plan has {count} runs, more than xp.max_runs={limit}. Add -y if you mean it.")
    print(
        f"The plan has {count} runs, more than xp.max_runs={limit}. Go on? [y/N] ", end="", file=sys.stderr, flush=True
    )
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise PlanError("Nothing was started.")


def _launch(what: Launch, command: Sequence[str], script: Session | None) -> int:
    show.notes(what.plan)
    code = snapshot(what)
    left = reuse(what, lambda: Seen(code))
    show.reused(left.notes)
    what = script.fresh(left.what) if script is not None else left.what
    if not what.plan.runs:
        return 0
    if what.profile is not None:
        return _submit(what, code, command, script)
    name, count = what.declaration.name, len(what.plan.runs)
    with show.progress(name, count) as report, closing(launch(what, code, command, report.started)) as runs:
        return _follow(runs, report)


def _submit(what: Launch, code: Code | None, command: Sequence[str], script: Session | None) -> int:
    try:
        made = launch_jobs(what, code, command)
    except KeyboardInterrupt:
        tell(f"interrupted. To submit what was not: typedxp retry{Store(what.settings.logs).option}")
        return 130
    if script is not None:
        script.submitted(made)
    show.submitted(made.jobs)
    if what.settings.wait:
        return _wait(what, made)
    return 1 if made.refused is not None else 0


def _wait(what: Launch, made: Submission) -> int:
    table, store = Watch(), Store(what.settings.logs)
    try:
        return exit_code(made.runs, wait(store, made.runs, table, tell))
    except KeyboardInterrupt:
        table.close()
        tell(f"no longer waiting; the jobs go on. To look: typedxp status{store.option}")
        return 130
    finally:
        table.close()


def _resume(what: Launch, flags: Flags) -> int:
    waiting = unfinished(what)
    if not waiting:
        print("There is no run to go on with.", file=sys.stderr)
        return 0
    noun = "run" if len(waiting) == 1 else "runs"
    print(f"Going on with {len(waiting)} {noun}: {', '.join(str(run.id) for run in waiting)}.", file=sys.stderr)
    if flags.dry_run:
        return 0
    name, count = what.declaration.name, len(waiting)
    with (
        show.progress(name, count) as report,
        closing(execute(what.declaration, what.settings, waiting, report.started)) as runs,
    ):
        return _follow(runs, report)


def _follow(runs: Iterable[Ended], report: show.Report) -> int:
    ended = {}
    for directory, status in runs:
        report.ended(directory, status)
        ended[directory.id] = status.status
    failed = [str(number) for number, status in sorted(ended.items()) if status is not RunStatus.COMPLETED]
    if failed and len(ended) > 1:
        print(f"{len(ended) - len(failed)} completed, {len(failed)} did not: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0
