"""``typedxp table``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from typedxp.cli.files import check_target, write_whole
from typedxp.cli.results import STEP, names_option, results_options, tell_gaps
from typedxp.results.open import open_results

_SUFFIXES = {".md": "markdown", ".tex": "latex", ".html": "html", ".csv": "csv"}


@click.command()
@click.argument("value")
@results_options
@names_option("-r", "--rows", help="What goes down.  [default: the keys that have no other place]")
@names_option("-c", "--columns", help="What goes across.")
@names_option("--over", help="What is averaged, as in seed.")
@click.option("--step", metavar="last|best-min|best-max|N", default="last", show_default=True, help=STEP)
@click.option(
    "--spread", type=click.Choice(["std", "sem", "ci"]), default="std", show_default=True, help="What follows the ±."
)
@click.option("--best", type=click.Choice(["min", "max"]), help="Mark the best of each column.")
@click.option("--digits", type=click.IntRange(min=0), metavar="N", help="After the point.  [default: as many as count]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", *_SUFFIXES.values()]),
    help="[default: that of the file's suffix, or text]",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file to write, not to print.")
def table(  # noqa: PLR0913  # each is an option
    value: str,
    *,
    store: Path,
    experiment: str | None,
    where: str | None,
    rows: tuple[str, ...],
    columns: tuple[str, ...],
    over: tuple[str, ...],
    step: str,
    spread: Literal["std", "sem", "ci"],
    best: Literal["min", "max"] | None,
    digits: int | None,
    form: str | None,
    output: Path | None,
) -> None:
    """Make a table of the means of VALUE, as train.loss, and of their spread.

    VALUE is a metric, or wall (seconds), peak_memory (bytes) or attempt.
    """
    # They work with arrays, which take time to load.
    from typedxp.results.analysis.reports import choose_step, count_gaps, find_values, tabulate

    if output is not None:
        check_target(output, () if form else _SUFFIXES)
    dataset = open_results(store, experiment=experiment, where=where)
    values = choose_step(find_values(dataset, value), step)
    made = tabulate(values, rows, columns, over, spread=spread, best=best, digits=digits)
    chosen = form or (_SUFFIXES[output.suffix.lower()] if output is not None else "text")
    text = f"{made}\n" if chosen == "text" else getattr(made, f"to_{chosen}")()
    if over:
        tell_gaps(count_gaps(values, over))
    if output is None:
        print(text, end="")
    else:
        write_whole(output, text.encode())
