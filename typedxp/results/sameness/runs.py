"""Owns the comparison of two runs: all their streams and artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from typedxp.results.sameness.artifacts import compare_artifacts
from typedxp.results.sameness.found import Tolerance
from typedxp.results.sameness.streams import compare_streams
from typedxp.store.directory import RunDirectory
from typedxp.vocabulary.verification import Part


def compare_recorded(
    recorded: RunDirectory, repeated: RunDirectory, tolerance: Tolerance, ignore: Sequence[str] = ()
) -> tuple[Part, ...]:
    """Compare what two runs recorded, streams first, each by its name.

    ``ignore`` are patterns for what is left out, as the shell has them: a stream (``timing``), a metric (``*.seconds``,
    ``train.loss``) or an artifact (``*.svg``).

    Raises:
        ResultsError: something cannot be read.
        OSError: likewise.
    """

    def ignored(name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in ignore)

    return (
        *compare_streams(recorded, repeated, tolerance, ignored),
        *compare_artifacts(recorded, repeated, tolerance, ignored),
    )
