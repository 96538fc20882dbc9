"""Owns how many digits of a mean and its spread are shown."""

from __future__ import annotations

import math
from typing import NamedTuple

_NOISE = 1e-13
"""The share of a mean that is left of its spread when equal numbers are averaged."""


class Rounded(NamedTuple):
    """A mean and its spread as text, both times ten to the power of ``exponent``; an unknown spread is empty."""

    mean: str
    spread: str = ""
    exponent: int = 0


def round_pair(mean: float, spread: float = math.nan, digits: int | None = None) -> Rounded:
    """Round a finite mean to the place of the first significant digit of its spread, or the second if the first is 1.

    So 0.91234 ± 0.0234 is 0.91 ± 0.02, and 0.91234 ± 0.0134 is 0.912 ± 0.013. Without a spread, or with one of zero, a
    mean has four significant digits, or more if it is 10,000 or larger. With ``digits``, all have that many digits
    after the point. Powers of ten are split off where zeros would hide the number: below 0.0001, and from 10^6 on.
    """
    known = math.isfinite(spread)
    if digits is not None:
        return Rounded(_fix(mean, digits), _fix(spread, digits) if known else "")
    exponent = _magnitude(max(abs(mean), spread if known else 0.0))
    exponent = 0 if -4 <= exponent < 6 else exponent
    mean = _scale(mean, exponent)
    if not known or _scale(spread, exponent) <= _NOISE * abs(mean):
        return Rounded(_trim(_fix(mean, max(3 - _magnitude(mean), 0))), "0" if known else "", exponent)
    spread = _scale(spread, exponent)
    places = _places(spread)
    return Rounded(_fix(mean, places), _fix(spread, places), exponent)


def _places(spread: float) -> int:
    """Return how many digits after the point are worth showing; fewer than 0 means tens, hundreds, ..."""
    mantissa, _, exponent = f"{spread:.1e}".partition("e")
    return -int(exponent) + (mantissa[0] == "1")


def _magnitude(number: float) -> int:
    return int(f"{number:.3e}".partition("e")[2])


def _scale(number: float, exponent: int) -> float:
    # By way of text, which is exact, and where no power of ten is too large or too small.
    mantissa, _, power = f"{number:.16e}".partition("e")
    return float(f"{mantissa}e{int(power) - exponent}")


def _fix(number: float, places: int) -> str:
    # Adding zero makes -0.0 a plain zero.
    return f"{round(number, places) + 0.0:.{max(places, 0)}f}"


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
