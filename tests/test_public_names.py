"""The public names are exactly these, and each is documented."""

from __future__ import annotations

import ast
import inspect
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import typedxp

PUBLIC = [
    "Array",
    "ConfigError",
    "DeclarationError",
    "Description",
    "ExecutionError",
    "Experiment",
    "InputPath",
    "Metrics",
    "PlanError",
    "RecordError",
    "ResultsError",
    "Run",
    "RunHandle",
    "SnapshotError",
    "StopRequest",
    "StoreError",
    "Stream",
    "SweepHandle",
    "TypedxpError",
    "Unit",
    "experiment",
    "fields",
    "open_results",
    "register",
    "seed_everything",
]


def test_the_public_names_are_exactly_these():
    assert typedxp.__all__ == PUBLIC
    assert set(PUBLIC) <= set(dir(typedxp))


def test_type_checkers_see_the_same_names_from_the_same_modules_as_python_does():
    tree = ast.parse(inspect.getsource(typedxp))
    seen = {
        alias.name: statement.module
        for block in tree.body
        if isinstance(block, ast.If)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }

    assert seen == typedxp._HOMES
    assert sorted(seen) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_says_what_it_is(name):
    value = getattr(typedxp, name)

    assert inspect.getdoc(value)
    for member, attribute in vars(value).items() if inspect.isclass(value) else ():
        if not member.startswith("_") and (callable(attribute) or isinstance(attribute, property)):
            assert inspect.getdoc(attribute), f"{name}.{member} has no docstring"


def test_an_unknown_name_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'typedxp' has no attribute 'sweep'"):
        _ = typedxp.sweep


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]

    assert typedxp.__version__ == project["version"]


def test_type_checkers_are_told_that_the_package_is_typed():
    assert (files("typedxp") / "py.typed").is_file()
