"""Moab: what is written and read, against its manual and what public programs expect. Nothing was seen on a Moab."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.schedulers.cases import JOB
from tests.schedulers.replies import Answers, captured
from typedxp.errors import ProfileError, SchedulerError
from typedxp.schedulers.base import Cluster, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.moab import Moab, MoabScheduler
from typedxp.schedulers.script import render
from typedxp.schedulers.shell import Command, Reply
from typedxp.vocabulary.jobs import JobState, JobStatus

HERE = "moab-9"
MOAB = MoabScheduler()
NOTHING = Reply(Command(("showq",)), 0, "<Data><Object>queue</Object></Data>")


def told(**attributes: str) -> Reply:
    written = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return Reply(Command(("showq",)), 0, f"\n<Data><queue><job {written}/></queue></Data>\n\n")


def judged(**attributes: str) -> JobStatus:
    return MOAB.ask({"1": ("1",)}, Answers(NOTHING, told(JobID="1", **attributes)))["1"]


def options(**fields: Any) -> list[str]:
    return Moab(**fields).options(JOB)


def test_msub_prints_an_empty_line_and_the_id() -> None:
    assert MOAB.read_submitted(captured(HERE, "msub"), None) == Submitted("4761849", ("4761849",))


def test_an_id_may_be_moabs_own() -> None:
    assert MOAB.read_submitted(captured(HERE, "msub-own-ids"), 2) == Submitted("Moab.12", ("Moab.12[1]", "Moab.12[2]"))


@pytest.mark.parametrize("out", ["12[]", "12.orion", "12[].orion.example.org"])
def test_elements_are_called_without_what_surrounds_the_number(out: str) -> None:
    reply = Reply(Command(("msub",)), 0, f"\n{out}\n")

    assert MOAB.read_submitted(reply, 2) == Submitted("12", ("12[1]", "12[2]"))


def test_a_job_with_an_id_of_the_resource_manager_is_found() -> None:
    assert MOAB.read_submitted(Reply(Command(("msub",)), 0, "\n4364.orion\n"), None).job == "4364.orion"
    shell = Answers(told(JobID="4364", GJID="4364", DRMJID="4364.orion", State="Running"))

    assert MOAB.ask({"4364.orion": ["4364.orion"]}, shell)["4364.orion"].state is JobState.RUNNING


def test_a_refusal_quotes_what_msub_says() -> None:
    with pytest.raises(SchedulerError, match="invalid class specified 'nowhere'"):
        MOAB.read_submitted(captured(HERE, "msub-refused"), None)


@pytest.mark.parametrize("out", ["", "\n", "12 13\n", "ERROR: no\n", "job 12 submitted\n"])
def test_an_answer_without_an_id_is_unreadable(out: str) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        MOAB.read_submitted(Reply(Command(("msub",)), 0, out), None)


def test_jobs_that_have_not_ended_are_one_question() -> None:
    shell = Answers(captured(HERE, "showq"))
    found = MOAB.ask({"12": ["12"], "13": [f"13[{i}]" for i in range(1, 5)]}, shell)

    assert [words[:2] for words in shell.asked] == [("showq", "--xml")]
    assert {name: status.state for name, status in found.items()} == {
        "12": JobState.RUNNING,
        "13[1]": JobState.RUNNING,
        "13[2]": JobState.QUEUED,
        "13[3]": JobState.QUEUED,
        "13[4]": JobState.HELD,
    }
    assert (found["13[3]"].reason or "").startswith("IdlePolicy:job 13[3] violates idle HARD MAXIPROC limit")


def test_those_that_have_ended_are_a_second_one() -> None:
    shell = Answers(captured(HERE, "showq"), captured(HERE, "showq-completed"))
    found = MOAB.ask({"20": ["20"], "21": [f"21[{i}]" for i in range(1, 6)], "99": ["99"]}, shell)

    assert shell.asked[1][:3] == ("showq", "--xml", "-c")
    assert {name: (status.state, status.exit_code, status.signal) for name, status in found.items()} == {
        "20": (JobState.COMPLETED, 0, None),
        "21[1]": (JobState.FAILED, 3, None),
        "21[2]": (JobState.CANCELLED, None, None),
        "21[3]": (JobState.TIMEOUT, None, 15),
        "21[4]": (JobState.FAILED, None, 9),
        "21[5]": (JobState.OUT_OF_MEMORY, None, None),
    }
    assert found["21[3]"].reason == "Removed, CompletionCode CNCLD(271)"


@pytest.mark.parametrize(
    ("attributes", "state"),
    [
        ({"State": "Completed", "CompletionCode": "0"}, JobState.COMPLETED),
        ({"State": "Completed", "CompletionCode": "-11"}, JobState.TIMEOUT),
        ({"State": "Completed"}, JobState.UNKNOWN),
        ({"State": "Removed"}, JobState.CANCELLED),
        ({"State": "Removed", "AWDuration": "60", "ReqAWDuration": "60"}, JobState.TIMEOUT),
        ({"State": "Vacated"}, JobState.NODE_FAILED),
        ({"State": "BatchHold"}, JobState.HELD),
        ({"State": "Deferred"}, JobState.QUEUED),
        ({"State": "NewWord"}, JobState.UNKNOWN),
        ({}, JobState.UNKNOWN),
    ],
)
def test_states_are_judged(attributes: dict[str, str], state: JobState) -> None:
    status = judged(**attributes)

    assert status.state is state
    assert status.native == attributes.get("State", "")


def test_a_job_that_was_handed_on_is_found_by_moabs_own_id() -> None:
    shell = Answers(told(JobID="5096381", GJID="Moab.12", State="Running"))

    assert MOAB.ask({"Moab.12": ["Moab.12"]}, shell)["Moab.12"].state is JobState.RUNNING


def test_elements_of_an_array_that_is_still_one_job_wait_with_it() -> None:
    shell = Answers(told(JobID="12", State="Idle"), NOTHING)

    assert MOAB.ask({"12": ["12[1]", "12[2]"]}, shell) == {
        "12[1]": JobStatus(JobState.QUEUED, "Idle"),
        "12[2]": JobStatus(JobState.QUEUED, "Idle"),
    }


def test_elements_of_an_array_that_has_ended_are_not_taken_for_completed() -> None:
    shell = Answers(NOTHING, told(JobID="12", State="Completed", CompletionCode="0"))

    assert MOAB.ask({"12": ["12[1]"]}, shell) == {}


def test_what_only_administrators_may_see_is_not_known() -> None:
    forbidden = Reply(
        Command(("showq", "-c")), 1, "", "ERROR:    user 'ada' is not authorized to run command 'showq'\n"
    )

    assert MOAB.ask({"12": ["12"], "20": ["20"]}, Answers(captured(HERE, "showq"), forbidden)).keys() == {"12"}
    with pytest.raises(SchedulerError, match="not authorized"):
        MOAB.ask({"12": ["12"]}, Answers(forbidden))


def test_another_trouble_with_those_that_have_ended_is_told() -> None:
    with pytest.raises(SchedulerError, match="client timed out"):
        MOAB.ask({"20": ["20"]}, Answers(captured(HERE, "showq"), captured(HERE, "showq-down")))


def test_no_output_is_no_jobs() -> None:
    nothing = Reply(Command(("showq",)), 0, "\n")

    assert MOAB.ask({"12": ["12"]}, Answers(nothing, nothing)) == {}


def test_a_moab_that_is_down_is_an_error_that_quotes_it() -> None:
    with pytest.raises(SchedulerError, match="client timed out after 30 seconds"):
        MOAB.ask({"12": ["12"]}, Answers(captured(HERE, "showq-down")))


@given(st.text().filter(lambda text: bool(text.strip())))
def test_garbage_is_an_error_not_a_crash(text: str) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        MOAB.ask({"12": ["12"]}, Answers(Reply(Command(("showq",)), 0, text)))


def test_mjobctl_takes_a_list() -> None:
    assert [command.words for command in MOAB.cancel_commands(["12", "13[1]"])] == [("mjobctl", "-c", "12,13[1]")]
    assert [command.words for command in MOAB.hold_commands(["12"])] == [("mjobctl", "-h", "user", "12")]
    assert [command.words for command in MOAB.release_commands(["12"])] == [("mjobctl", "-u", "user", "12")]
    assert MOAB.cancel_commands([]) == []


def test_what_has_ended_is_passed_over_when_it_is_cancelled() -> None:
    Cluster(MOAB, Answers(captured(HERE, "mjobctl-ended"))).cancel(["12"])


def test_a_job_of_which_mjobctl_says_nothing_is_not_passed_over() -> None:
    reply = Reply(Command(("mjobctl", "-c", "12,13")), 1, "", "ERROR:  invalid job specified (12)\n")

    with pytest.raises(SchedulerError, match="invalid job specified"):
        Cluster(MOAB, Answers(reply)).cancel(["12", "13"])


def test_what_has_ended_is_neither_held_nor_released() -> None:
    said = Reply(
        Command(("mjobctl", "-h", "user", "12,13")),
        1,
        "holds modified for job '13'\n",
        "ERROR:  invalid job specified (12)\n",
    )

    assert MOAB.gone(said)
    assert not MOAB.gone(Reply(said.command, 1, "", "ERROR:  not authorized to modify job '13'\n"))


def test_the_output_of_an_element_is_in_the_file_that_the_script_opens(tmp_path: Path) -> None:
    odd = tmp_path / 'it\'s "50%" $HOME `x`'
    odd.mkdir()
    script = render(MOAB, Moab(), Job("t", ("/bin/echo", "hello"), tmp_path, odd, 3))
    for known in ("Moab.12", "Moab.12[3]"):
        env = {"MOAB_JOBID": known, "MOAB_JOBARRAYINDEX": "3"}
        subprocess.run(["bash"], input=script, env=env, text=True, check=True)

    said = "hello --name Moab.12[3] --element 3\n"
    assert (odd / MOAB.output_file("Moab.12[3]")).read_text() == said * 2
    assert MOAB.output_file("12") == "12.log"


@pytest.mark.parametrize("field", ["queue", "account", "qos", "feature", "partition", "gres", "advres", "mail"])
@pytest.mark.parametrize("text", ["two words", 'a"b', "a'b", "a#b", "a$b", "a\nb"])
def test_what_would_need_quotes_is_refused(field: str, text: str) -> None:
    with pytest.raises(ValidationError):
        Moab(**{field: text})


@pytest.mark.parametrize(
    "fields",
    [
        {"gpus": 0},
        {"nodes": 2, "tasks": 3},
        {"nodes": 2, "mem": "16G"},
        {"tasks": 4, "mem": "16G"},
        {"tasks": 4, "cpus": 2},
        {"tasks": 4, "gpus": 1},
        {"after": ["12[3]"]},
        {"after": ["12:13"]},
        {"naccesspolicy": "ALONE"},
        {"priority": 2000},
        {"quue": "long"},
    ],
)
def test_what_does_not_fit_together_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Moab(**fields)


def test_the_type_of_gpus_is_refused_with_what_moab_has() -> None:
    with pytest.raises(ProfileError, match=r"moab cannot express: gpu_type.\n.*feature"):
        options(gpus=1, gpu_type="a100")


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))
def test_each_node_gets_the_processors_of_its_tasks(nodes: int, each: int, cpus: int) -> None:
    assert options(nodes=nodes, tasks=nodes * each, cpus=cpus) == [f"-l nodes={nodes}:ppn={each * cpus}"]


def test_tasks_alone_may_be_anywhere() -> None:
    assert options(tasks=4) == ["-l procs=4"]


def test_a_warning_is_a_signal_by_its_number() -> None:
    assert options(time="2h", warn="5m") == ["-l walltime=02:00:00", "-l signal=10@300"]
