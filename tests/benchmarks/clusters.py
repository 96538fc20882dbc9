"""Owns the promises about schedulers, measured on a real Slurm that `tests/clusters/slurm/up` has brought up."""

from __future__ import annotations

from tests.benchmarks.measure import Cost, told
from tests.benchmarks.promises import MS, Row, at_most, at_most_over, faster, python, times

_BARE_PYTHON = Cost(python("-c", "pass"))


def _submitting(how: str) -> Cost:
    return Cost(python("cluster.py", how), probe=told)


CLUSTERS: tuple[Row, ...] = (
    Row(
        name="submit",
        what="submit 500 runs that have their directories",
        measured=_submitting("submit"),
        against="sbatch --array=0-499",
        reference=_submitting("array"),
        reaches=(times(3),),
        commands=("sbatch",),
    ),
    Row(
        name="submit-each",
        what="submit 500 runs that have their directories",
        measured=_submitting("submit"),
        against="sbatch, 500 times",
        reference=_submitting("each"),
        reaches=(faster(50),),
        commands=("sbatch",),
        repeats=3,
    ),
    Row(
        name="status-jobs",
        what="typedxp status of 1,000 queued runs",
        measured=Cost(python("cluster.py", "status"), probe=told),
        against="python -c pass",
        reference=_BARE_PYTHON,
        reaches=(at_most(2, "2 s"),),
        commands=("sbatch",),
        repeats=3,
    ),
    Row(
        name="element",
        what="start of an element's script to the first line of the function",
        measured=Cost(python("cluster.py", "element"), probe=told),
        against="python -c pass",
        reference=_BARE_PYTHON,
        reaches=(at_most_over(150 * MS, "150 ms"),),
        commands=("sbatch",),
        repeats=6,
    ),
)
