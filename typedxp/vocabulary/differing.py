"""Owns what is said of the differences between two environments, in lines for people. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from typedxp.vocabulary.environment import Distribution, EnvironmentDocument, Machine
from typedxp.vocabulary.records import Environment

_FACTS = {"host": "host", "platform": "system", "python": "Python", "typedxp": "typedxp"}
_MACHINE = {
    "system": "system",
    "kernel": "kernel",
    "architecture": "architecture",
    "libc": "libc",
    "cpu": "CPU",
    "usable": "usable cores",
    "memory": "GiB of memory",
    "gpus": "GPUs",
    "driver": "driver",
    "container": "container",
}
_NOTHING = "none"


def differing_facts(before: Environment, after: Environment, names: Collection[str] = tuple(_FACTS)) -> list[str]:
    """Say what differs of the few facts that every run has, or of some of them."""
    words = {name: word for name, word in _FACTS.items() if name in names}
    changes = (_change(word, getattr(before, name), getattr(after, name)) for name, word in words.items())
    return [line for change in changes for line in change]


def differing_environments(before: EnvironmentDocument, after: EnvironmentDocument) -> list[str]:
    """Say what differs between two environments: the interpreter, packages, the machine, variables, lock files."""
    return [
        *_change("Python", _python(before), _python(after)),
        *_packages(before.distributions, after.distributions),
        *_machine(before.machine, after.machine),
        *_change("conda environment", before.conda, after.conda),
        *_mapping("variable", before.variables, after.variables),
        *_mapping("lock file", _shortened(before.locks), _shortened(after.locks)),
    ]


def _python(document: EnvironmentDocument) -> str:
    return f"{document.interpreter.implementation} {document.interpreter.version}"


def _machine(before: Machine, after: Machine) -> Iterator[str]:
    for name, word in _MACHINE.items():
        yield from _change(word, getattr(before, name), getattr(after, name))


def _packages(before: Mapping[str, Distribution], after: Mapping[str, Distribution]) -> Iterator[str]:
    yield from _mapping(
        "package",
        {name: _version(one) for name, one in before.items()},
        {name: _version(one) for name, one in after.items()},
    )


def _version(one: Distribution) -> str:
    """Write the version of a package, and of one that can be edited also the state of its repository."""
    state = f" at {one.commit[:10]}{'+' if one.dirty else ''}" if one.commit is not None else ""
    return one.version + state


def _mapping(word: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        yield from _change(f"{word} {name}", before.get(name), after.get(name))


def _change(word: str, before: Any, after: Any) -> Iterator[str]:
    if before != after:
        yield f"{word}: {_shown(before)} -> {_shown(after)}"


def _shortened(digests: Mapping[str, str]) -> dict[str, str]:
    return {name: digest[:10] for name, digest in digests.items()}


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or _NOTHING
    return _NOTHING if value is None else str(value)
