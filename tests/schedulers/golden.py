"""Write the golden scripts anew: `python -m tests.schedulers.golden [SCHEDULER...]`.

Read the diff before you keep it.
"""

from __future__ import annotations

import sys

from tests.schedulers.cases import GOLDEN, SCHEDULERS, cases, golden


def write_anew(scheduler: str) -> None:
    """Write all golden files of a scheduler, and remove those that no case is left for."""
    (GOLDEN / scheduler).mkdir(parents=True, exist_ok=True)
    old = {*GOLDEN.glob(f"{scheduler}/*.sh"), *GOLDEN.glob(f"{scheduler}/*.refused.txt")}
    new = dict(golden(scheduler, name, case) for name, case in cases(scheduler).items())
    for path, text in new.items():
        path.write_text(text)
    for path in old - set(new):
        path.unlink()


for chosen in sys.argv[1:] or SCHEDULERS:
    write_anew(chosen)
