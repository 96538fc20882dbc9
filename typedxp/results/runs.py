"""Owns the old name of the warning, for as long as somebody still uses it."""

from typedxp.results.problems import ResultsWarning as ResultsWarning
