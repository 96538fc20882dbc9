"""Owns how the user is told what is no result: a line on standard error that says who speaks."""

from __future__ import annotations

import sys


def tell(what: object) -> None:
    """Tell the user something, as `typedxp: ...`."""
    print(f"typedxp: {what}", file=sys.stderr)
