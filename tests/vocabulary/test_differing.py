"""What differs between two environments is said in lines for people."""

from __future__ import annotations

from dataclasses import replace

from typedxp.vocabulary.differing import differing_environments, differing_facts
from typedxp.vocabulary.environment import Distribution, EnvironmentDocument, Interpreter, Machine
from typedxp.vocabulary.records import Environment

FACTS = Environment("a", "user", "Linux-6", "3.11.7", "/usr/bin/python", "0.1.0")
MACHINE = Machine("Linux", "6", "x86_64", "glibc 2.39", "fast", 8, 8, 31.2, gpus=("A100", "A100"), driver="550.1")
DOCUMENT = EnvironmentDocument(
    interpreter=Interpreter("3.11.7", "cpython", "/usr/bin/python", "/usr", virtual=False),
    machine=MACHINE,
    distributions={
        "gone": Distribution("1"),
        "mine": Distribution("0.1", "/src/mine", editable=True, commit="0123456789abcdef", dirty=False),
        "numpy": Distribution("1.26.4"),
        "same": Distribution("2"),
    },
    locks={"uv.lock": "f" * 64},
    variables={"OMP_NUM_THREADS": "4"},
)


def test_nothing_is_said_of_what_is_the_same():
    assert differing_facts(FACTS, replace(FACTS, user="other", executable="/opt/python")) == []
    assert differing_environments(DOCUMENT, DOCUMENT) == []


def test_facts_that_every_run_has_are_compared():
    other = replace(FACTS, host="b", python="3.12.0")

    assert differing_facts(FACTS, other) == ["host: a -> b", "Python: 3.11.7 -> 3.12.0"]
    assert differing_facts(FACTS, other, ("host",)) == ["host: a -> b"]


def test_packages_machine_variables_and_locks_are_compared():
    other = replace(
        DOCUMENT,
        interpreter=replace(DOCUMENT.interpreter, version="3.12.0", executable="/elsewhere"),
        machine=replace(MACHINE, gpus=(), driver=None),
        distributions={
            "mine": Distribution("0.1", "/src/mine", editable=True, commit="fedcba9876543210", dirty=True),
            "new": Distribution("3"),
            "numpy": Distribution("2.1.0"),
            "same": Distribution("2", "https://somewhere"),
        },
        conda="base",
        locks={"uv.lock": "e" * 64},
        variables={},
    )

    assert differing_environments(DOCUMENT, other) == [
        "Python: cpython 3.11.7 -> cpython 3.12.0",
        "package gone: 1 -> none",
        "package mine: 0.1 at 0123456789 -> 0.1 at fedcba9876+",
        "package new: none -> 3",
        "package numpy: 1.26.4 -> 2.1.0",
        "GPUs: A100, A100 -> none",
        "driver: 550.1 -> none",
        "conda environment: none -> base",
        "variable OMP_NUM_THREADS: 4 -> none",
        "lock file uv.lock: ffffffffff -> eeeeeeeeee",
    ]
