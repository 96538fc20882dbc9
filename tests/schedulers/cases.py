"""What the golden scripts are written for: profiles in the words that all schedulers share, and one job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from typedxp.errors import ProfileError
from typedxp.schedulers.base import Scheduler
from typedxp.schedulers.job import Job
from typedxp.schedulers.profile import Profile
from typedxp.schedulers.registry import get_scheduler, scheduler_names
from typedxp.schedulers.script import render

GOLDEN = Path(__file__).parent / "golden"
"""A directory for each scheduler: <case>.sh is the whole script, <case>.refused.txt what is said instead of one.

``own.yaml`` in it has what only this scheduler has: under ``cases``, fields by the name of the case; under ``needs``,
the words of a site without which a portable field says nothing to it, by the name of that field.
"""

SCHEDULERS = [name for name in scheduler_names() if find_spec(f"typedxp.schedulers.{name}")]

JOB = Job(
    name="train",
    command=("/opt/env/bin/python", "-P", "-m", "typedxp.worker", "--job", "/home/ada/logs/jobs/7"),
    directory=Path("/home/ada/project"),
    output=Path("/home/ada/logs/jobs/7"),
)
_ODD = """it's a "50%" $HOME; [a,b] `c` & #1"""
ODD_JOB = Job(
    name='a "b" $c',
    command=("/opt/my env/bin/python", "-P", "-m", "typedxp.worker", "--job", f"/home/ada/{_ODD}/jobs/7"),
    directory=Path(f"/home/ada/{_ODD}"),
    output=Path(f"/home/ada/{_ODD}/jobs/7"),
)

BACKSLASH_JOB = replace(JOB, directory=Path("/home/ada/a\\b"), output=Path("/home/ada/a\\b/7"))


@dataclass(frozen=True)
class Case:
    """A profile's fields, and the job that a script is written for with them."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    count: int | None = None
    job: Job = JOB


_EVERYTHING = {
    "time": "1-02:03:04",
    "nodes": 2,
    "tasks": 4,
    "cpus": 8,
    "mem": "16G",
    "gpus": 2,
    "gpu_type": "a100",
    "account": "physics",
    "queue": "gpu",
    "name": "sweep",
    "parallel": 4,
    "requeue": True,
    "warn": "5m",
    "mail": "ada@example.org",
    "mail_on": ["begin", "end", "fail"],
    "setup": ["module load cuda", "source ~/env/bin/activate"],
    "container": ["apptainer", "exec", "--nv", "my image.sif"],
    "env": {"OMP_NUM_THREADS": "8"},
}

PORTABLE = {
    "nothing": Case(),
    "time": Case({"time": "90m"}),
    "time_of_days": Case({"time": "2d"}),
    "nodes": Case({"nodes": 2}),
    "tasks": Case({"tasks": 4}),
    "cpus": Case({"cpus": 8}),
    "tasks_and_cpus": Case({"tasks": 4, "cpus": 2}),
    "nodes_and_tasks": Case({"nodes": 2, "tasks": 4}),
    "mem": Case({"mem": "1.5G"}),
    "mem_per_cpu": Case({"mem_per_cpu": "4G"}),
    "cpus_and_mem": Case({"cpus": 4, "mem": "16G"}),
    "gpus": Case({"gpus": 2}),
    "gpu_type": Case({"gpus": 1, "gpu_type": "a100"}),
    "one_gpu": Case({"time": "2h", "cpus": 4, "mem": "16G", "gpus": 1, "queue": "gpu"}),
    "account": Case({"account": "physics"}),
    "queue": Case({"queue": "long"}),
    "name": Case({"name": "sweep"}),
    "parallel": Case({"parallel": 4}, count=20),
    "after": Case({"after": ["12", "13"]}),
    "requeue": Case({"requeue": True}),
    "no_requeue": Case({"requeue": False}),
    "warn": Case({"time": "2h", "warn": "5m"}),
    "mail": Case({"mail": "ada@example.org"}),
    "mail_on": Case({"mail": "ada@example.org", "mail_on": ["begin", "fail"]}),
    "directives": Case({"directives": ["--native=1", "-x two words"]}),
    "setup": Case({"setup": ["module purge", "module load cuda/12.4"]}),
    "container": Case({"container": ["apptainer", "exec", "--nv", "my image.sif"]}),
    "env": Case({"env": {"OMP_NUM_THREADS": "8", "GREETING": "it's a $HOME"}}),
    # What the runner and the worker deal with: no scheduler hears of it.
    "of_the_runner": Case(
        {
            "pack": 4,
            "max_array": 100,
            "max_requeues": 3,
            "python": "/opt/other/bin/python",
            "secrets": {"token": "HF_TOKEN"},
        }
    ),
    "array": Case(count=20),
    "array_of_one": Case(count=1),
    "array_of_gpus": Case({"time": "2h", "gpus": 1, "cpus": 4, "parallel": 2}, count=100),
    "odd_paths": Case(job=ODD_JOB),
    "odd_paths_of_an_array": Case(count=3, job=ODD_JOB),
    "backslash": Case(job=BACKSLASH_JOB),
    "everything": Case(_EVERYTHING, count=20),
}

UNHEARD = frozenset(PORTABLE["of_the_runner"].fields)
"""The fields that say nothing to a scheduler."""


@cache
def own(scheduler: str) -> dict[str, dict[str, Any]]:
    """Read what only this scheduler has: its own cases, and what portable fields need."""
    path = GOLDEN / scheduler / "own.yaml"
    said = yaml.safe_load(path.read_text()) if path.exists() else None
    return {"cases": {}, "needs": {}, **(said or {})}


@cache
def cases(scheduler: str) -> dict[str, Case]:
    """Return all cases of a scheduler, by name."""
    found = own(scheduler)
    ours = {name: Case(fields) for name, fields in found["cases"].items()}
    return {name: completed(case, found["needs"]) for name, case in {**PORTABLE, **ours}.items()}


def completed(case: Case, needs: Mapping[str, Mapping[str, Any]]) -> Case:
    """Add the words of the site that the fields of a case need."""
    added = {key: value for name in case.fields for key, value in needs.get(name, {}).items()}
    return Case({**added, **case.fields}, case.count, case.job)


def write(scheduler: Scheduler, case: Case) -> str:
    """Write the script of a case.

    Raises:
        ProfileError: it is refused, by the model of the profile or by the scheduler.
    """
    return render(scheduler, model(scheduler, case.fields), replace(case.job, count=case.count))


def model(scheduler: Scheduler, fields: Mapping[str, Any]) -> Profile:
    """Make the profile of a case.

    Raises:
        ProfileError: its model refuses it.
    """
    try:
        return scheduler.profile.model_validate({"scheduler": scheduler.name, **fields})
    except ValidationError as error:
        raise ProfileError("\n".join(problem["msg"] for problem in error.errors())) from error


def golden(scheduler: str, name: str, case: Case) -> tuple[Path, str]:
    """Return the file of a case, and what must be in it."""
    try:
        return GOLDEN / scheduler / f"{name}.sh", write(get_scheduler(scheduler), case)
    except ProfileError as error:
        return GOLDEN / scheduler / f"{name}.refused.txt", f"{error}\n"


def every_case() -> Iterator[tuple[str, str, Case]]:
    """Go through the cases of all schedulers."""
    for scheduler in SCHEDULERS:
        for name, case in cases(scheduler).items():
            yield scheduler, name, case
