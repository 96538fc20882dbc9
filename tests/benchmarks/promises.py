"""Owns the shape of a promise: what is measured, beside what, and how far it must reach."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.measure import Command, Cost

MS = 1e-3
MB = 1e6


@dataclass(frozen=True)
class Reach:
    """A promise about a figure and its reference."""

    text: str
    is_met: Callable[[float, float], bool]


@dataclass(frozen=True)
class Row:
    """A pair that is measured together. One without a reach is there to be looked at."""

    name: str
    what: str
    measured: Cost
    against: str
    reference: Cost
    reaches: tuple[Reach, ...] = ()
    repeats: int = 5
    prepare: tuple[Command, ...] = ()
    needs: str = "typedxp"
    """The module without which the row is left out."""
    commands: tuple[str, ...] = ()
    """The commands without which the row is left out."""


def at_most(limit: float, text: str) -> Reach:
    """Promise an absolute limit, in seconds or bytes."""
    return Reach(f"<= {text}", lambda measured, _: measured <= limit)


def at_most_over(limit: float, text: str) -> Reach:
    """Promise a limit to what is added to the reference, in seconds or bytes."""
    return Reach(f"<= {text} over", lambda measured, reference: measured - reference <= limit)


def times(factor: float) -> Reach:
    """Promise a limit to the ratio."""
    return Reach(f"<= {factor:g} x", lambda measured, reference: measured <= factor * reference)


def faster(factor: float) -> Reach:
    """Promise a speed of so many times the reference's."""
    return Reach(f">= {factor:g} x faster", lambda measured, reference: measured * factor <= reference)


def python(*arguments: str) -> Command:
    """Return the command of a program in `programs`, or of another call of Python."""
    return (sys.executable, *arguments)


BARE_PYTHON = Cost(python("-c", "pass"))
