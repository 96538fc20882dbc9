"""The public names are exactly these, and each is documented."""

from __future__ import annotations

import ast
import inspect
import tomllib
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

import typedxp
from typedxp import schedulers

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
    "ProfileError",
    "RecordError",
    "ResultsError",
    "Run",
    "RunHandle",
    "SchedulerError",
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


OF_SCHEDULERS = [
    "Cluster",
    "Command",
    "Job",
    "JobState",
    "JobStatus",
    "Local",
    "Lsf",
    "Memory",
    "Moab",
    "Oar",
    "Pbs",
    "Profile",
    "Reply",
    "Scheduler",
    "Sge",
    "Shell",
    "Slurm",
    "Submitted",
    "Torque",
    "Walltime",
    "answered",
    "batches",
    "get_scheduler",
    "local_shell",
    "unreadable",
]
ALIASES = {"Memory", "Shell", "Walltime"}
"""Names of types: what they are stands below them in the source."""

BOTH = pytest.mark.parametrize(("module", "names"), [(typedxp, PUBLIC), (schedulers, OF_SCHEDULERS)])


@BOTH
def test_the_public_names_are_exactly_these(module, names):
    assert module.__all__ == names
    assert set(names) <= set(dir(module))


@BOTH
def test_type_checkers_see_the_same_names_from_the_same_modules_as_python_does(module: ModuleType, names):
    tree = ast.parse(inspect.getsource(module))
    seen = {
        alias.name: statement.module
        for block in tree.body
        if isinstance(block, ast.If)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }

    assert seen == module._HOMES
    assert sorted(seen) == names


@pytest.mark.parametrize(
    ("module", "name"),
    [(typedxp, name) for name in PUBLIC] + [(schedulers, name) for name in OF_SCHEDULERS if name not in ALIASES],
)
def test_a_public_name_says_what_it_is(module, name):
    value = getattr(module, name)

    assert inspect.getdoc(value)
    for member, attribute in vars(value).items() if inspect.isclass(value) else ():
        if not member.startswith(("_", "model_")) and (callable(attribute) or isinstance(attribute, property)):
            assert inspect.getdoc(attribute), f"{name}.{member} has no docstring"


def test_an_unknown_name_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'typedxp' has no attribute 'sweep'"):
        _ = typedxp.sweep
    with pytest.raises(AttributeError, match=r"module 'typedxp\.schedulers' has no attribute 'Condor'"):
        _ = schedulers.Condor


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]

    assert typedxp.__version__ == project["version"]


def test_type_checkers_are_told_that_the_package_is_typed():
    assert (files("typedxp") / "py.typed").is_file()
