"""Owns how several numbers, such as the ids of runs, are named in a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def span(first: int, last: int) -> str:
    """Name the whole numbers from the first to the last: ``3-5``, or ``3`` if there is one alone."""
    return str(first) if first == last else f"{first}-{last}"


def spans(numbers: Iterable[int]) -> list[str]:
    """Say whole numbers in as few words as there can be, in their order: 1, 2, 3 and 7 are ``1-3`` and ``7``."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return [span(first, last) for first, last in found]


def listed(ids: Sequence[int]) -> str:
    """List runs, those without a gap between them by the first and the last: ``runs 1-5, 7``."""
    texts = spans(ids)
    more = f" and {len(texts) - 10} more" if len(texts) > 10 else ""
    return f"run{'' if len(set(ids)) == 1 else 's'} {', '.join(texts[:10])}{more}"
