"""Owns what an experiment's command line prints: help, plans, progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from typedxp.runner.flags import parser
from typedxp.runner.planning import Launch
from typedxp.stages.compose.composer import Composer
from typedxp.stages.declare.declaration import Declaration
from typedxp.stages.declare.schema import describe
from typedxp.store.directory import RunDirectory
from typedxp.store.jobs import JobDirectory
from typedxp.store.store import Store
from typedxp.vocabulary.jobs import JobRecord
from typedxp.vocabulary.listing import listed
from typedxp.vocabulary.plan import Plan
from typedxp.vocabulary.records import RunStatus, Status
from typedxp.vocabulary.schema import MISSING, Field, Model

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

MAX_ROWS = 100


def help_text(declaration: Declaration, composer: Composer, program: str) -> None:
    """Print the fields with types, defaults, constraints and descriptions, the config groups, settings and flags."""
    from typedxp.vocabulary.settings import Settings

    document = (declaration.function.__doc__ or "").strip().partition("\n\n")[0]
    print(f"{declaration.name}: {document}" if document else declaration.name, end="\n\n")
    print(f"Usage: python {program} [flags] [key=value ...] [group=option ...]\n")
    if declaration.schema is not None:
        print("Fields")
        _print_rows(list(_field_rows(declaration.schema, composer)))
    _print_groups(composer)
    print("Settings")
    _print_rows([(f"xp.{key}", *rest) for key, *rest in _field_rows(describe(Settings), composer)])
    print("Flags")
    for line in parser(program).format_help().partition("options:")[2].strip("\n").splitlines():
        print(line)


def plan_table(what: Launch) -> None:
    """Print a plan as a table: one row per run, one column per swept key."""
    from rich.console import Console
    from rich.table import Table

    runs = what.plan.runs
    keys = list(dict.fromkeys(key for run in runs for key in run.point))
    table = Table(box=None, header_style="bold")
    for name in ("#", *keys, "digest"):
        table.add_column(name, overflow="fold")
    for number, run in enumerate(runs[:MAX_ROWS], start=1):
        table.add_row(str(number), *(_cell(run.point.get(key)) for key in keys), run.digest)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    # A console of rich's would exit by itself where nobody reads to the end.
    with console.capture() as captured:
        console.print(table, markup=False)
    print(captured.get(), end="")
    if len(runs) > MAX_ROWS:
        print(f"... and {len(runs) - MAX_ROWS} more")
    notes(what.plan)
    place = f"in {what.settings.jobs} worker processes" if what.settings.jobs else "in this process"
    if what.profile is not None:
        place = f"as jobs of {what.profile.scheduler}"
    print(f"{_count(len(runs), 'run')} {place}, into {what.settings.logs}. This is a dry run: nothing was written.")


def notes(plan: Plan) -> None:
    """Say which points a plan has left out."""
    if plan.duplicates:
        print(f"{_count(plan.duplicates, 'duplicate point')} left out.", file=sys.stderr)
    if plan.excluded:
        print(f"{_count(plan.excluded, 'point')} excluded by xp.where.", file=sys.stderr)


def submitted(jobs: Iterable[tuple[JobDirectory, JobRecord]]) -> None:
    """Say which jobs were submitted, and what was refused."""
    for directory, record in jobs:
        runs = [run for element in record.elements for run in element.runs]
        if record.left_out is not None:
            colon = ":" if record.unanswered else ""
            print(f"{listed(runs).capitalize()}{colon} {record.left_out}", file=sys.stderr)
            print(f"To submit them: typedxp retry{Store(directory.path.parents[1]).option}", file=sys.stderr)
        else:
            noun = f"an array of {len(record.elements)}" if record.array else "a job"
            print(f"Submitted {listed(runs)} as {noun}: {record.scheduler} job {record.job} ({directory.path})")


def reused(notes: Iterable[str]) -> None:
    """Say which points are not run, since there are runs of them."""
    for note in notes:
        print(note, file=sys.stderr)


class Report(Protocol):
    """Is told how a sweep goes on."""

    def started(self, directory: RunDirectory) -> None:
        """Hear that a run has started."""

    def ended(self, directory: RunDirectory, status: Status) -> None:
        """Hear that a run has ended."""


@contextmanager
def progress(name: str, total: int) -> Iterator[Report]:
    """Report a sweep: by a bar on a terminal, by plain lines elsewhere."""
    if total == 1 or not sys.stderr.isatty():
        yield Lines(total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # A descriptor of its own, which the capture of a run's output leaves alone.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as terminal:
        console = Console(file=terminal)
        with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
            yield Bar(bar, bar.add_task(name, total=total))


class Lines:
    """Reports by a line per run that ended."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def started(self, directory: RunDirectory) -> None:
        """Hear that a run has started."""

    def ended(self, directory: RunDirectory, status: Status) -> None:
        """Print how a run ended, and how many are done."""
        self._done += 1
        _print_failure(status)
        print(f"[{self._done}/{self._total}] {summary(directory, status)}", file=sys.stderr)


class Bar:
    """Reports by a bar, and a line per run that did not complete."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def started(self, directory: RunDirectory) -> None:
        """Hear that a run has started."""

    def ended(self, directory: RunDirectory, status: Status) -> None:
        """Move the bar on."""
        if status.status is not RunStatus.COMPLETED:
            _print_failure(status)
            self._bar.console.print(summary(directory, status), markup=False, highlight=False)
        self._bar.advance(self._task)


def summary(directory: RunDirectory, status: Status) -> str:
    """Say in one line how a run ended."""
    line = f"run {directory.id} {status.status}"
    return f"{line}: {status.cause} (see {directory.stderr})" if status.status is RunStatus.FAILED else line


def _print_failure(status: Status) -> None:
    if status.failure is not None and status.exit_code is None:
        # Failures of worker processes are in their stderr.log; those in this process have been seen by nobody yet.
        print(status.failure.traceback, file=sys.stderr, end="")


def _field_rows(model: Model, composer: Composer, prefix: str = "") -> Iterator[tuple[str, ...]]:
    for field in model.fields:
        key = f"{prefix}{field.name}"
        group = key.replace(".", "/")
        if field.models and composer.is_group(group):
            yield group, "group", f"[{_choice(field)}]", _description(field)
            for member in field.models:
                yield f"  {group}={member.name}", "", "", ""
                yield from ((f"    {name}", *rest) for name, *rest in _field_rows(member, composer, f"{key}."))
        elif field.models:
            yield from _field_rows(field.models[0], composer, f"{key}.")
        else:
            yield key, field.type, _default_text(field), _description(field)


def _default_text(field: Field) -> str:
    if field.required:
        return "required"
    if field.secret:
        return "[secret]"
    return "" if field.default == MISSING else f"[{_cell(field.default)}]"


def _choice(field: Field) -> str:
    if field.choice is None:
        return "null"
    return "required" if field.choice == MISSING else field.choice


def _description(field: Field) -> str:
    unit = f"({field.unit})" if field.unit else ""
    return "  ".join(part for part in (field.description or "", unit, ", ".join(field.constraints)) if part)


def _print_groups(composer: Composer) -> None:
    names = composer.group_names()
    if names:
        print("Config groups")
        _print_rows([(name, ", ".join(composer.group_options(name))) for name in names])


def _print_rows(rows: Sequence[Sequence[str]]) -> None:
    widths = [min(44, max(len(row[column]) for row in rows)) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print()


def _cell(value: Any) -> str:
    if isinstance(value, Mapping | list):
        import orjson

        return orjson.dumps(value).decode()
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
