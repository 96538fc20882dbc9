"""Owns the warning that readers give."""

from __future__ import annotations


class ResultsWarning(UserWarning):
    """Something of the results cannot be read, or is hidden by something newer; the rest is there."""
