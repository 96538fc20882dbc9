"""Whole job scripts, in plain text, so that a reviewer reads what is asked of a cluster in the diff."""

from __future__ import annotations

import subprocess
from importlib import import_module

import pytest

from tests.schedulers.cases import GOLDEN, PORTABLE, SCHEDULERS, UNHEARD, Case, cases, every_case, golden, own, write
from typedxp.errors import ProfileError, SchedulerError
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.profile import Profile
from typedxp.schedulers.registry import get_scheduler
from typedxp.testing.standin import StandIn

ALL = pytest.mark.parametrize(
    ("scheduler", "name", "case"), [pytest.param(*each, id="-".join(each[:2])) for each in every_case()]
)
EACH = pytest.mark.parametrize("scheduler", SCHEDULERS)


@ALL
def test_a_script_is_the_one_that_was_reviewed(scheduler: str, name: str, case: Case) -> None:
    path, text = golden(scheduler, name, case)

    assert path.exists(), f"write it with `python -m tests.schedulers.golden {scheduler}`, and read it"
    assert text == path.read_text()


@pytest.mark.parametrize("scheduler", sorted(set(SCHEDULERS) - {"local"}))
def test_a_stand_in_takes_every_script_and_refuses_options_that_there_are_not(scheduler: str) -> None:
    fake = getattr(import_module(f"typedxp.testing.{scheduler}"), f"Fake{scheduler.title()}")
    refused = {name for name, case in cases(scheduler).items() if not _taken(fake, scheduler, name, case)}

    # What waits for jobs that are not there may be refused, too.
    assert {name for name in refused if "after" not in name} == {"directives"}


def _taken(fake: type[StandIn], scheduler: str, name: str, case: Case) -> bool:
    script = GOLDEN / scheduler / f"{name}.sh"
    with fake(slots=0) as shell:
        try:
            return not script.exists() or bool(Cluster(get_scheduler(scheduler), shell).submit(script, case.count))
        except SchedulerError:
            return False


@EACH
def test_no_golden_file_is_left_over(scheduler: str) -> None:
    expected = {golden(scheduler, name, case)[0] for name, case in cases(scheduler).items()}

    assert {path for path in (GOLDEN / scheduler).iterdir() if path.name != "own.yaml"} == expected


@ALL
def test_a_script_is_bash(scheduler: str, name: str, case: Case) -> None:
    path, text = golden(scheduler, name, case)

    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)

    assert done.returncode == 0 or path.suffix != ".sh", done.stderr


def test_every_portable_field_has_a_case() -> None:
    assert set(Profile.model_fields) - {"scheduler"} == (set(PORTABLE) & set(Profile.model_fields)) | UNHEARD


@EACH
def test_every_field_of_a_scheduler_has_a_case(scheduler: str) -> None:
    fields = set(get_scheduler(scheduler).profile.model_fields) - set(Profile.model_fields)
    shown = {field for case in cases(scheduler).values() for field in case.fields}

    assert fields - shown == set(), f"add cases to {GOLDEN / scheduler / 'own.yaml'}"


@EACH
def test_every_field_is_written_or_refused_never_dropped(scheduler: str) -> None:
    profile = get_scheduler(scheduler).profile
    fields = set(profile.model_fields) - UNHEARD - {"scheduler"}

    assert {
        field for field in fields if not any(_heard(scheduler, field, case) for case in _shown(scheduler, field))
    } == set()


def _shown(scheduler: str, field: str) -> list[Case]:
    every = cases(scheduler)
    return [every[field]] if field in PORTABLE else [case for case in every.values() if field in case.fields]


def _heard(scheduler: str, field: str, case: Case) -> bool:
    """Whether a script is another one without the field; or the field is refused, by name if others are, too."""
    less = Case({name: value for name, value in case.fields.items() if name != field}, case.count, case.job)
    return _written(scheduler, case) != _written(scheduler, less)


def _written(scheduler: str, case: Case) -> str:
    try:
        return write(get_scheduler(scheduler), case)
    except ProfileError as error:
        return str(error)


@EACH
def test_what_portable_fields_need_are_words_of_that_scheduler(scheduler: str) -> None:
    words = {word for words in own(scheduler)["needs"].values() for word in words}

    assert words <= set(get_scheduler(scheduler).profile.model_fields) - set(Profile.model_fields)
