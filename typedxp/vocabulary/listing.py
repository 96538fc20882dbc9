"""Owns how several runs are named in a text."""

from __future__ import annotations

from collections.abc import Sequence


def listed(ids: Sequence[int]) -> str:
    """List runs, those without a gap between them by the first and the last: ``runs 1-5, 7``."""
    ranges: list[list[int]] = []
    for number in sorted(set(ids)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    more = f" and {len(texts) - 10} more" if len(texts) > 10 else ""
    return f"run{'' if len(set(ids)) == 1 else 's'} {', '.join(texts[:10])}{more}"
