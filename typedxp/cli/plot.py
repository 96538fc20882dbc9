"""``typedxp plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from typedxp.cli.files import check_target, write_whole
from typedxp.cli.results import STEP, names_option, results_options, tell_gaps
from typedxp.results.open import open_results

_SUFFIXES = (".png", ".pdf", ".svg")
_BANDS = ("ci", "std", "sem", "bootstrap", "none")


@click.command()
@click.argument("value")
@results_options
@click.option("--x", metavar="KEY", help="What goes along x.  [default: the steps]")
@click.option("--hue", metavar="KEY", help="What gives the colour.  [default: a key that has no other place]")
@click.option("--style", metavar="KEY", help="What gives the dash.  [default: another one]")
@names_option("--over", help="What is averaged, as in seed.")
@click.option("--band", type=click.Choice(_BANDS), default="ci", show_default=True, help="What is drawn round a mean.")
@click.option("--step", metavar="last|best-min|best-max|N", help=f"{STEP}  [default: last, if x is a key]")
@click.option("--logx", is_flag=True, help="A logarithmic scale along x.")
@click.option("--logy", is_flag=True, help="A logarithmic scale along y.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help=f"The file to write: {', '.join(_SUFFIXES)}.",
)
def plot(
    value: str,
    *,
    store: Path,
    experiment: str | None,
    where: str | None,
    output: Path,
    **look: Any,
) -> None:
    """Draw curves of the mean of VALUE, as train.loss, with a band round each.

    VALUE is a metric, or wall (seconds), peak_memory (bytes) or attempt.
    """
    # They work with arrays, which take time to load.
    from typedxp.results.analysis.reports import Look, count_gaps, draw, find_values

    check_target(output, _SUFFIXES)
    values = find_values(open_results(store, experiment=experiment, where=where), value)
    picture = draw(values, Look(**look), output.suffix)
    if look["over"]:
        tell_gaps(count_gaps(values, look["over"]))
    write_whole(output, picture)
