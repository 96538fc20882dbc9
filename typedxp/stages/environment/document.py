"""Owns the putting together of what is known of an environment, where runs are launched and where they are executed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from typedxp.stages.environment.distributions import installed
from typedxp.stages.environment.machine import interpreter, machine
from typedxp.stages.environment.surroundings import locks, variables
from typedxp.vocabulary.environment import Distribution, EnvironmentDocument

Version = tuple[str | None, bool | None]
"""A commit, and whether files differ from it."""


def describe_environment(
    patterns: Sequence[str], root: Path | None, version: Callable[[Path], Version | None]
) -> EnvironmentDocument:
    """Describe the environment of this process.

    ``root`` is that of the repository of the code, whose state is recorded elsewhere. ``version`` is asked for the
    state of the repository of every other package that is installed to be edited; None means that there is none.
    """
    return _describe(patterns, _with_versions(installed(), root, version), locks(root))


def describe_here(launched: EnvironmentDocument) -> EnvironmentDocument:
    """Describe the environment of a process that executes a run; of the code, what the launch knew is taken over."""
    known = {
        name: replace(one, commit=launched.distributions[name].commit, dirty=launched.distributions[name].dirty)
        if _same(one, launched.distributions.get(name))
        else one
        for name, one in installed().items()
    }
    return _describe(launched.patterns, known, launched.locks)


def _describe(
    patterns: Sequence[str], distributions: Mapping[str, Distribution], locks: Mapping[str, str]
) -> EnvironmentDocument:
    return EnvironmentDocument(
        interpreter=interpreter(),
        machine=machine(),
        distributions=distributions,
        conda=os.environ.get("CONDA_DEFAULT_ENV") or None,
        locks=locks,
        variables=variables(patterns),
        patterns=tuple(patterns),
    )


def _same(one: Distribution, other: Distribution | None) -> bool:
    return other is not None and (one.version, one.origin, one.editable) == (
        other.version,
        other.origin,
        other.editable,
    )


def _with_versions(
    found: Mapping[str, Distribution], root: Path | None, version: Callable[[Path], Version | None]
) -> dict[str, Distribution]:
    states: dict[str, Version | None] = {}
    for origin in {one.origin for one in found.values() if one.editable and one.origin}:
        if root is None or not Path(origin).resolve().is_relative_to(root.resolve()):
            states[origin] = version(Path(origin))
    return {
        name: replace(one, commit=state[0], dirty=state[1])
        if one.editable and one.origin and (state := states.get(one.origin)) is not None
        else one
        for name, one in found.items()
    }
