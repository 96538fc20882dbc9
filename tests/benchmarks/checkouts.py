"""Owns the promise about checkouts: what it costs to put the files of a snapshot where jobs find them."""

from __future__ import annotations

from tests.benchmarks.measure import Cost, told
from tests.benchmarks.promises import Row, python, times

CHECKOUTS = (
    Row(
        name="checkout",
        what="a checkout of a snapshot of 5,000 files",
        measured=Cost(python("checkout.py", "ours"), probe=told),
        against="git clone --shared",
        reference=Cost(python("checkout.py", "clone"), probe=told),
        reaches=(times(1.3),),
        repeats=9,
        prepare=(python("checkout.py", "clone"),),
    ),
)
