"""Owns the promises about schedulers, measured on a real Slurm that `tests/clusters/slurm/up` has brought up."""

from __future__ import annotations

from dataclasses import replace

from tests.benchmarks.measure import Cost, told
from tests.benchmarks.promises import BARE_PYTHON, MS, Row, at_most, at_most_over, faster, python, times


def _cost(how: str) -> Cost:
    return Cost(python("cluster.py", how), probe=told)


_SUBMIT = Row(
    name="submit",
    what="submit 500 runs that have their directories",
    measured=_cost("submit"),
    against="sbatch --array=0-499",
    reference=_cost("array"),
    reaches=(times(3),),
    commands=("sbatch",),
)
_STATUS = Row(
    name="status-jobs",
    what="typedxp status of 1,000 queued runs",
    measured=_cost("status"),
    against="python -c pass",
    reference=BARE_PYTHON,
    reaches=(at_most(2, "2 s"),),
    commands=("sbatch",),
    repeats=3,
)
_ELEMENT = replace(
    _STATUS,
    name="element",
    what="start of an element's script to the first line of the function",
    measured=_cost("element"),
    reaches=(at_most_over(150 * MS, "150 ms"),),
    repeats=6,
)

CLUSTERS: tuple[Row, ...] = (
    _SUBMIT,
    replace(
        _SUBMIT,
        name="submit-each",
        against="sbatch, 500 times",
        reference=_cost("each"),
        reaches=(faster(50),),
        repeats=3,
    ),
    _STATUS,
    _ELEMENT,
    replace(
        _ELEMENT,
        name="element-file",
        what="start of an element's script to the user's file",
        measured=_cost("element_file"),
    ),
)
