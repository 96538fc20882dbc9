"""``typedxp verify``."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from typedxp.cli.options import json_option
from typedxp.cli.repeating import how_to_repeat, nothing, repeating_options, stopped, tell_environment
from typedxp.cli.tables import print_table
from typedxp.errors import ResultsError
from typedxp.results.sameness.found import Tolerance
from typedxp.runner.rerun import prepare
from typedxp.runner.verify import Verifying, check_completed
from typedxp.runner.verify import verify as verify_runs
from typedxp.store.directory import dump
from typedxp.store.store import Store
from typedxp.store.verifications import plain
from typedxp.vocabulary.stopping import Stopped
from typedxp.vocabulary.telling import tell
from typedxp.vocabulary.terminal import show
from typedxp.vocabulary.verification import Outcome, Part, Verification

_SHOWN = 10
_NUMBER = click.FloatRange(min=0)


@click.command()
@click.argument("runs", type=click.IntRange(min=1), nargs=-1)
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Take N completed runs at random.")
@click.option("--seed", type=int, help="Where the random numbers of --sample begin.")
@click.option("--where", metavar="CONDITION", help="Sample from the runs that meet it, as in 'lr < 0.1'.")
@click.option("--rtol", type=_NUMBER, default=0.0, help="Allowed difference as a part of the recorded number.  [0]")
@click.option("--atol", type=_NUMBER, default=0.0, help="Allowed difference, added to that of --rtol.  [0]")
@click.option(
    "--ignore", metavar="PATTERN", multiple=True, help="Leave out a stream, metric or artifact, as in '*.seconds'."
)
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the new runs, in this directory.")
@repeating_options
@json_option
def verify(  # noqa: PLR0913 - one for each option
    runs: Sequence[int],
    *,
    store: Path,
    sample: int | None,
    seed: int | None,
    where: str | None,
    rtol: float,
    atol: float,
    ignore: Sequence[str],
    keep: Path | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Make RUNS again, and compare what is recorded: identical, equal within a tolerance, or different.

    The new runs are removed afterwards. How each compares is written beside the run, in verification.json, and is the
    field `verified` of `typedxp ls`. Exits with 0 if all are identical or equal, with 1 if any is not.
    """
    if bool(runs) == (sample is not None):
        raise click.UsageError("Name runs, or say by --sample how many.")
    if sample is None and (where is not None or seed is not None):
        raise click.UsageError("--where and --seed are for --sample.")
    opened = Store(store)
    chosen = _sample(store, sample, seed, where) if sample is not None else list(dict.fromkeys(runs))
    directories = [opened.run(number) for number in chosen]
    check_completed(directories)
    how = how_to_repeat("verify", chosen, given)
    repetitions = prepare(opened, directories, how)
    tell_environment(repetitions)
    compare = Verifying(Tolerance(rtol, atol), tuple(ignore), keep)
    found: dict[int, Verification] = {}
    try:
        with closing(verify_runs(opened, repetitions, how, compare, nothing)) as ended:
            for directory, verification in ended:
                found[directory.id] = verification
                if not as_json:
                    _print(directory.id, verification)
    except Stopped as reason:
        return stopped(reason)
    if as_json:
        print(dump([{"run": number, **plain(found[number])} for number in sorted(found)]).decode(), end="")
    elif len(found) > 1:
        print(_summary(found))
    return 0 if all(verification.outcome.good for verification in found.values()) else 1


def _sample(store: Path, count: int, seed: int | None, where: str | None) -> list[int]:
    """Choose completed runs at random."""
    # It works with arrays, which take time to load.
    from typedxp.results.runs.listing import list_runs

    condition = "status == 'completed'" + (f" and ({where})" if where is not None else "")
    completed: list[int] = list_runs(store, ["run"], condition).columns["run"]
    if not completed:
        raise ResultsError(f"There is no completed run in {store}{f' with {where}' if where else ''}.")
    if len(completed) < count:
        tell(f"There are {len(completed)} such runs only: all of them are taken.")
    # Whoever gives no seed wants others each time.
    return sorted(random.Random(seed).sample(completed, min(count, len(completed))))  # noqa: S311


def _print(run: int, verification: Verification) -> None:
    """Print how a run compares: a line, and a table of its parts where they are not all identical."""
    seconds = f" ({verification.seconds:.1f} s)" if verification.seconds is not None else ""
    print(f"run {run}: {verification.outcome}{seconds}")
    if verification.cause is not None:
        print("\n".join(f"  {line}" for line in verification.cause.splitlines()))
    others = [part for part in verification.parts if part.outcome is not Outcome.IDENTICAL]
    rows = [(f"  {part.kind} {part.name}", str(part.outcome), _how_far(part), _first(part)) for part in others]
    if same := len(verification.parts) - len(others):
        names = [part.name for part in verification.parts if part.outcome is Outcome.IDENTICAL]
        shown = ", ".join(names[:_SHOWN]) + (f" and {same - _SHOWN} more" if same > _SHOWN else "")
        rows.append((f"  {shown}", str(Outcome.IDENTICAL), "", ""))
    if rows:
        print_table(rows)
    elif verification.outcome.good:
        print("  it recorded nothing that could be compared")


def _how_far(part: Part) -> str:
    """Say how far apart the numbers of a part are at most."""
    if not part.absolute:
        return ""
    relative = f" (relative {part.relative:.2g})" if part.relative is not None else ""
    return f"by {part.absolute:.2g}{relative} at most"


def _first(part: Part) -> str:
    """Say where two recordings differ first."""
    found = part.difference
    if found is None:
        return ""
    place = " ".join(filter(None, [f"record {found.record}" if found.record is not None else "", found.key]))
    return f"first at {place}: " * bool(place) + f"{show(found.recorded)} then, {show(found.repeated)} now"


def _summary(found: Mapping[int, Verification]) -> str:
    counts = Counter(str(verification.outcome) for verification in found.values())
    listed = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    return f"{len(found)} runs compared: {listed}."
