"""What all profiles have in common."""

from __future__ import annotations

from typing import ClassVar, Literal

import pytest
from pydantic import ValidationError

from tests.schedulers.cases import JOB
from typedxp.errors import ProfileError
from typedxp.schedulers.profile import Profile


class Tiny(Profile):
    """A scheduler that knows little."""

    scheduler: Literal["tiny"] = "tiny"
    colour: str | None = None

    prefix: ClassVar[str] = "#TINY"
    lines: ClassVar = {
        "cpus": lambda p, _: f"-c {p.cpus}",
        ("mail", "mail_on"): lambda p, _: [f"-m {p.mail}", f"-o {','.join(p.mail_on or [])}"],
        "colour": lambda p, _: f"--colour {p.colour}",
    }


def test_what_is_set_is_written_in_the_order_of_the_table() -> None:
    profile = Tiny(colour="red", mail="a@b", mail_on=["end"], cpus=2)

    assert profile.options(JOB) == ["-c 2", "-m a@b", "-o end", "--colour red"]


def test_nothing_set_is_nothing_written() -> None:
    assert Tiny().options(JOB) == []


def test_an_empty_list_is_nothing_set() -> None:
    profile = Tiny(cpus=2, mail_on=[], after=[], env={})

    assert profile.plain() == {"scheduler": "tiny", "cpus": 2}
    assert profile.options(JOB) == ["-c 2"]


def test_what_is_in_no_table_is_refused_with_all_that_is() -> None:
    with pytest.raises(ProfileError) as error:
        Tiny(time="1h", gpus=1, cpus=2).options(JOB)

    assert str(error.value).startswith("tiny cannot express: gpus, time.\nIt can express: colour, container, cpus,")
    assert "`directives`" in str(error.value)


def test_what_no_scheduler_hears_of_is_never_refused() -> None:
    Tiny(pack=4, max_array=10, max_requeues=1, python="python3", setup="module load x", env={"A": "1"}).check()


@pytest.mark.parametrize("line", ["--fast", "#TINY --fast", "#TINY   --fast "])
def test_native_options_are_passed_through_with_and_without_the_prefix(line) -> None:
    assert Tiny(directives=[line]).options(JOB) == ["--fast"]


def test_one_line_stands_for_a_list() -> None:
    assert Tiny(directives="--fast", setup="a", container="run", after="12").setup == ["a"]


@pytest.mark.parametrize(
    "fields",
    [
        {"account": "a\n#TINY --evil"},
        {"setup": ["fine", "not\rfine"]},
        {"env": {"A": "1\n2"}},
        {"directives": "a\x00b"},
        {"container": ["a\x1b[0m"]},
    ],
)
def test_nothing_can_end_the_line_it_is_written_on(fields) -> None:
    with pytest.raises(ValidationError, match="line break or control character"):
        Tiny(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mem": "1G", "mem_per_cpu": "1G"}, "mem and mem_per_cpu exclude each other"),
        ({"gpu_type": "a100"}, "gpu_type says nothing without gpus"),
        ({"mail_on": ["end"]}, "mail_on says nothing without mail"),
        ({"warn": "5m"}, "warn says nothing without time"),
        ({"time": "5m", "warn": "5m"}, "warn must be less than time"),
        ({"env": {"A-B": "1"}}, "environment variable"),
        ({"secrets": {"token": "ÄÖ"}}, "environment variable"),
        ({"cpu": 3}, "Extra inputs"),
        ({"cpus": 0}, "greater than 0"),
        ({"account": " "}, "at least 1 character"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, message) -> None:
    with pytest.raises(ValidationError, match=message):
        Tiny(**fields)


def test_a_profile_can_be_made_again_from_its_plain_values() -> None:
    profile = Tiny(time="36h", warn="5m", mem="1.5G", cpus=2, env={"A": "1"}, after=["12"])
    plain = profile.plain()

    assert plain == {
        "scheduler": "tiny",
        "time": "1-12:00:00",
        "warn": "00:05:00",
        "mem": "1536M",
        "cpus": 2,
        "env": {"A": "1"},
        "after": ["12"],
    }
    assert Tiny(**plain) == profile
