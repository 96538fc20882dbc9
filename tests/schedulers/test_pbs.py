"""PBS: what is written and read, against what OpenPBS 23.06 answered."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.schedulers.cases import JOB
from tests.schedulers.replies import Answers, captured, reply
from typedxp.errors import ProfileError, SchedulerError
from typedxp.schedulers.base import Cluster, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.pbs import Pbs, PbsScheduler
from typedxp.schedulers.shell import Command, Reply
from typedxp.testing.pbs_family import argv
from typedxp.vocabulary.jobs import JobState, JobStatus

HERE = "openpbs-23.06"
PBS = PbsScheduler()


def told(**jobs: dict[str, Any]) -> Reply:
    """Answer as qstat -F json does; ``job_1_2`` is ``1[2].host``, ``job_1_`` the array, ``job_1`` a plain job."""
    named = {_id(name): facts for name, facts in jobs.items()}
    return reply(json.dumps({"timestamp": 1, "pbs_version": "23.06.06", "pbs_server": "host", "Jobs": named}))


def _id(name: str) -> str:
    number, *index = name.removeprefix("job_").split("_")
    return f"{number}[{index[0]}].host" if index else f"{number}.host"


def judged(**facts: Any) -> JobStatus:
    return PBS.ask({"1.host": ("1.host",)}, Answers(told(job_1=facts)))["1.host"]


def test_the_id_of_a_job_is_what_qsub_prints() -> None:
    assert PBS.read_submitted(captured(HERE, "qsub-one"), None) == Submitted("3.pbshost", ("3.pbshost",))


def test_the_elements_of_an_array_have_the_index_in_the_brackets() -> None:
    assert PBS.read_submitted(captured(HERE, "qsub-array"), 3) == Submitted(
        "2[].pbshost", ("2[0].pbshost", "2[1].pbshost", "2[2].pbshost")
    )


def test_an_array_of_one_element_is_a_plain_job() -> None:
    assert PBS.read_submitted(captured(HERE, "qsub-one"), 1) == Submitted("3.pbshost", ("3.pbshost",))
    assert not any("-J" in line for line in PBS.directives(Pbs(), Job("t", (), Path("/w"), Path("/o"), 1)))


@pytest.mark.parametrize("name", ["qsub-bad-directive", "qsub-unknown-queue"])
def test_a_refusal_quotes_what_qsub_says(name: str) -> None:
    reply = captured(HERE, name)

    with pytest.raises(SchedulerError) as caught:
        PBS.read_submitted(reply, None)

    assert reply.err.strip() in str(caught.value)


@pytest.mark.parametrize("out", ["", "hello\n", "12[].pbshost\n", "12.pbs host\n"])
def test_an_answer_that_names_no_plain_job_is_not_taken_for_one(out: str) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        PBS.read_submitted(Reply(Command(("qsub",)), 0, out), None)


def test_what_a_site_prints_before_the_id_does_no_harm() -> None:
    said = "Welcome. Your project has 12 hours left.\n\n12.pbshost\n"

    assert PBS.read_submitted(Reply(Command(("qsub",)), 0, said), None).job == "12.pbshost"


def test_jobs_that_run_and_wait_are_read_from_a_real_answer() -> None:
    shell = Answers(captured(HERE, "qstat-json-running"))
    elements = [f"2[{index}].pbshost" for index in range(4)]

    found = PBS.ask({"2[].pbshost": elements, "3.pbshost": ["3.pbshost"], "0.pbshost": ["0.pbshost"]}, shell)

    assert [found[name].state for name in elements] == [JobState.RUNNING] * 2 + [JobState.QUEUED] * 2
    assert found["3.pbshost"] == JobStatus(JobState.RUNNING, "R")
    assert found["0.pbshost"] == JobStatus(JobState.COMPLETED, "F", exit_code=0)


def test_all_jobs_are_asked_for_at_once_with_history() -> None:
    shell = Answers(captured(HERE, "qstat-json-running"))

    PBS.ask({"2[].pbshost": ["2[0].pbshost"], "3.pbshost": ["3.pbshost"]}, shell)

    assert shell.asked == [("qstat", "-xtf", "-F", "json", "2[].pbshost", "3.pbshost")]


def test_how_jobs_ended_is_read_from_a_real_answer() -> None:
    jobs = {"2[].pbshost": ["2[0].pbshost", "2[1].pbshost"], "3.pbshost": ["3.pbshost"], "4.pbshost": ["4.pbshost"]}

    found = PBS.ask(jobs, Answers(captured(HERE, "qstat-json-finished")))

    ran = "Job run at Fri Nov 20 at 21:26 on (pbshost:ncpus=1)"
    assert found == {
        "2[0].pbshost": JobStatus(JobState.COMPLETED, "F", exit_code=0),
        "2[1].pbshost": JobStatus(
            JobState.FAILED,
            "F",
            exit_code=3,
            reason=f"Exit_status 3: {ran} and failed",
        ),
        "3.pbshost": JobStatus(
            JobState.CANCELLED,
            "F",
            signal=15,
            reason=f"Exit_status 271: {ran} and terminated by user@pbshost",
        ),
        "4.pbshost": JobStatus(
            JobState.TIMEOUT,
            "F",
            reason=f"Exit_status -29: {ran} and exceeded resource walltime",
        ),
    }


def test_a_job_that_is_forgotten_is_not_in_the_answer() -> None:
    assert PBS.ask({"99999.pbshost": ["99999.pbshost"]}, Answers(captured(HERE, "qstat-unknown"))) == {}


def test_what_is_known_is_read_although_another_job_is_forgotten() -> None:
    out = told(job_1={"job_state": "R"}).out
    shell = Answers(reply(out, "qstat: Unknown Job Id 2.host\n", 153))

    assert PBS.ask({"1.host": ["1.host"], "2.host": ["2.host"]}, shell) == {"1.host": JobStatus(JobState.RUNNING, "R")}


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"job_state": "F", "substate": 93, "Exit_status": -27}, JobState.OUT_OF_MEMORY),
        ({"job_state": "F", "substate": 93, "Exit_status": -26}, JobState.OUT_OF_MEMORY),
        ({"job_state": "F", "substate": 93, "Exit_status": -28}, JobState.TIMEOUT),
        ({"job_state": "F", "substate": 93, "Exit_status": -4}, JobState.NODE_FAILED),
        ({"job_state": "F", "substate": 93, "Exit_status": -1}, JobState.FAILED),
        ({"job_state": "F", "substate": 91, "Exit_status": 0}, JobState.CANCELLED),
        ({"job_state": "F", "substate": 93, "Exit_status": 265}, JobState.FAILED),
        (
            {"job_state": "F", "substate": 93, "Exit_status": 265, "comment": "Job run at X and exceeded resource mem"},
            JobState.OUT_OF_MEMORY,
        ),
        ({"job_state": "X", "Exit_status": 0}, JobState.COMPLETED),
        ({"job_state": "X", "substate": 91}, JobState.CANCELLED),
        ({"job_state": "X", "Exit_status": 0, "comment": "Subjob finished"}, JobState.CANCELLED),
        ({"job_state": "X", "Exit_status": 0, "comment": "Subjob failed"}, JobState.FAILED),
        ({"job_state": "X", "Exit_status": 0, "comment": "Subjob terminated"}, JobState.CANCELLED),
        ({"job_state": "H"}, JobState.HELD),
        ({"job_state": "E"}, JobState.RUNNING),
        ({"job_state": "S"}, JobState.RUNNING),
        ({"job_state": "W"}, JobState.QUEUED),
        ({"job_state": "H", "Hold_Types": "u"}, JobState.HELD),
        ({"job_state": "H", "Hold_Types": "s", "depend": "afterok:1.host@host"}, JobState.QUEUED),
        ({"job_state": "H", "Hold_Types": "us", "depend": "afterok:1.host@host"}, JobState.HELD),
        ({"job_state": "M"}, JobState.UNKNOWN),
        ({}, JobState.UNKNOWN),
    ],
)
def test_what_pbs_says_of_a_job_has_a_word_of_ours(facts: dict[str, Any], state: JobState) -> None:
    assert judged(**facts).state is state


def test_a_signal_that_ended_the_script_comes_to_us_through_its_login_shell() -> None:
    status = judged(job_state="F", substate=93, Exit_status=137)

    assert (status.state, status.exit_code, status.signal) == (JobState.FAILED, 137, 9)
    assert judged(job_state="F", substate=93, Exit_status=255).signal is None


def test_a_job_that_another_kept_from_running_was_cancelled_not_completed() -> None:
    status = judged(job_state="F", substate=92, comment="Job deleted as result of dependency on job 1.host")

    assert status.state is JobState.CANCELLED
    assert status.reason == "Job deleted as result of dependency on job 1.host"


def test_an_element_of_which_no_history_is_kept_is_forgotten_not_completed() -> None:
    shell = Answers(told(job_1_={"job_state": "B"}, job_1_0={"job_state": "X"}, job_1_1={"job_state": "R"}))

    assert list(PBS.ask({"1[].host": ["1[0].host", "1[1].host"]}, shell)) == ["1[1].host"]


def test_an_element_that_is_only_known_to_have_ended_is_forgotten_where_there_is_no_history() -> None:
    no_history = reply(err="qstat: PBS is not configured to maintain job history 1[].host\n", code=36)
    array = {"job_state": "B"}
    kept = {"comment": "Subjob finished"}
    ended = told(job_1_=array, job_1_0={"job_state": "X", **kept}, job_1_1={"job_state": "Q", **kept})

    found = PBS.ask({"1[].host": ["1[0].host", "1[1].host"]}, Answers(no_history, ended))

    assert found == {"1[1].host": JobStatus(JobState.QUEUED, "Q")}


def test_the_elements_of_a_held_array_are_held() -> None:
    array = {"job_state": "H", "Hold_Types": "u"}
    shell = Answers(told(job_1_=array, job_1_0={"job_state": "R"}, job_1_1={"job_state": "Q", "Hold_Types": "n"}))

    found = PBS.ask({"1[].host": ["1[0].host", "1[1].host"]}, shell)

    assert [status.state for status in found.values()] == [JobState.RUNNING, JobState.HELD]


def test_why_a_job_waits_is_told() -> None:
    why = "Can Never Run: Insufficient amount of resource: ncpus (R: 100 A: 4 T: 4)"

    assert judged(job_state="Q", comment=why).reason == why


TEXT = """Job Id: 1.host
    Job_Name = 00012
    job_state = F
    substate = 93
    Exit_status = 3
    Variable_List = PBS_O_HOME=/home/ada,
\tPBS_O_PATH=/bin = odd
    comment = Job run at Fri and
\t failed

Job Id: 2[1].host
    job_state = R

"""


@pytest.mark.parametrize("json_of_old", ['{"pbs_version": "19.1", "Jobs": {"1.host": {"Job_Name": 00012}}}', "garbage"])
def test_json_that_is_none_is_asked_for_again_as_text(json_of_old: str) -> None:
    shell = Answers(reply(json_of_old), reply(json_of_old), reply(TEXT))

    found = PBS.ask({"1.host": ["1.host"], "2[].host": ["2[1].host"]}, shell)

    assert found["1.host"] == JobStatus(
        JobState.FAILED, "F", exit_code=3, reason="Exit_status 3: Job run at Fri and failed"
    )
    assert found["2[1].host"].state is JobState.RUNNING
    assert shell.asked[-1][:2] == ("qstat", "-xtf")


def test_a_server_without_history_is_asked_for_what_there_is() -> None:
    no_history = reply(err="qstat: PBS is not configured to maintain job history\n", code=36)
    shell = Answers(no_history, told(job_1={"job_state": "R"}))

    assert PBS.ask({"1.host": ["1.host"]}, shell)["1.host"].state is JobState.RUNNING
    assert shell.asked[-1] == ("qstat", "-tf", "-F", "json", "1.host")


def test_a_job_that_has_ended_on_a_server_without_history_is_forgotten() -> None:
    no_history = reply(err="qstat: PBS is not configured to maintain job history\n", code=36)
    ended = reply(err="qstat: 1.host Job has finished, use -x or -H to obtain historical job information\n", code=35)

    assert PBS.ask({"1.host": ["1.host"]}, Answers(no_history, ended)) == {}


def test_a_server_that_is_down_is_asked_once() -> None:
    shell = Answers(reply("", "qstat: cannot connect to server pbshost (errno=15010)\n", 255))

    with pytest.raises(SchedulerError, match="cannot connect to server pbshost"):
        PBS.ask({"1.host": ["1.host"]}, shell)


def test_that_the_server_is_down_is_said_once_for_many_jobs() -> None:
    line = "qstat: cannot connect to server pbshost (errno=15010)\n"

    with pytest.raises(SchedulerError) as caught:
        PBS.ask({"1.host": ["1.host"], "2.host": ["2.host"]}, Answers(reply("", line * 2, 255)))

    assert str(caught.value).count("cannot connect") == 1


@pytest.mark.parametrize("garbage", ["", "{}", "[1]", '{"pbs_version": "23", "Jobs": []}', "no jobs = here"])
def test_garbage_is_an_error_not_an_answer(garbage: str) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        PBS.ask({"1.host": ["1.host"]}, Answers(*[reply(garbage)] * 4))


def test_thousands_of_jobs_are_asked_for_in_lines_that_are_not_too_long() -> None:
    jobs = {f"{number}.host": [f"{number}.host"] for number in range(20_000)}
    shell = Answers(*[told()] * 3)

    assert PBS.ask(jobs, shell) == {}
    assert [name for words in shell.asked for name in words[4:]] == list(jobs)
    assert max(len(" ".join(words)) for words in shell.asked) < 110_000


@pytest.mark.parametrize("name", ["qdel", "qdel-unknown"])
def test_cancelling_passes_over_what_has_ended(name: str) -> None:
    shell = Answers(captured(HERE, name), captured(HERE, name))

    Cluster(PBS, shell).cancel(["3.pbshost", "2[1].pbshost"])

    assert shell.asked == [("qdel", "3.pbshost"), ("qdel", "2[1].pbshost")]


def test_elements_are_cancelled_by_ranges_one_in_a_command() -> None:
    names = [f"2[{index}].pbshost" for index in (4, 1, 2, 9, 3)]

    commands = PBS.cancel_commands(["7.pbshost", *names, "8[].pbshost", "10[0].pbshost"])

    assert [command.words for command in commands] == [
        ("qdel", "7.pbshost"),
        ("qdel", "2[1-4].pbshost"),
        ("qdel", "2[9].pbshost"),
        ("qdel", "8[].pbshost"),
        ("qdel", "10[0].pbshost"),
    ]


@pytest.mark.parametrize(
    ("code", "said", "gone"),
    [
        (35, "qdel: Job has finished 3.pbshost\n", True),
        (35, "qdel: Unknown Job Id 9.pbshost\nqdel: Job has finished 3.pbshost\n", True),
        (168, "qdel: Request invalid for state of job 3.pbshost\n", True),
        (55, "qdel: Request invalid for finished array subjob 2[1].pbshost\n", True),
        (159, "qdel: Unauthorized Request 3.pbshost\n", False),
        (35, "qdel: Unauthorized Request 9.pbshost\nqdel: Job has finished 3.pbshost\n", False),
        (255, "", False),
    ],
)
def test_only_what_has_ended_is_gone(code: int, said: str, gone: bool) -> None:
    assert PBS.gone(Reply(Command(("qdel",)), code, "", said)) is gone


def test_whole_arrays_are_held_and_released() -> None:
    shell = Answers(captured(HERE, "qhold"), captured(HERE, "qrls"))
    cluster = Cluster(PBS, shell)

    cluster.hold(["2[].pbshost"])
    cluster.release(["2[].pbshost"])

    assert shell.asked == [("qhold", "2[].pbshost"), ("qrls", "2[].pbshost")]


@pytest.mark.parametrize("act", [PBS.hold_commands, PBS.release_commands])
def test_an_element_of_an_array_cannot_be_held(act: Callable[[list[str]], object]) -> None:
    with pytest.raises(SchedulerError, match=re.escape("name the array, 2[].pbshost")):
        act(["2[1].pbshost"])


def test_users_cannot_requeue() -> None:
    assert PBS.requeue_command("2[1].pbshost") is None


@pytest.mark.parametrize(
    ("out", "limit"),
    [("Server: pbshost\n    max_array_size = 10000\n    license_count = x\n", 10000), ("Server: pbshost\n", None)],
)
def test_the_limit_of_arrays_is_an_attribute_of_the_server(out: str, limit: int | None) -> None:
    assert Cluster(PBS, Answers(reply(out))).array_limit() == limit


def test_the_file_of_an_output_is_a_pattern_that_finds_it(tmp_path: Path) -> None:
    for name in ("2[1].pbshost.OU", "21.pbshost.OU"):
        (tmp_path / name).touch()

    assert [path.name for path in tmp_path.glob(PBS.output_file("2[1].pbshost"))] == ["2[1].pbshost.OU"]


@pytest.mark.parametrize("where", ["my runs", "a:b", "a,b", "ü", """it's a "50%" $HOME; [a,b] `c` \\d & #1"""])
def test_an_output_path_that_pbs_cannot_copy_to_is_written_to_by_the_job(tmp_path: Path, where: str) -> None:
    job = Job("train", (), Path("/w"), tmp_path / where, 2)
    job.output.mkdir()

    script = "\n".join([*PBS.opening(job), "echo hello", "echo trouble >&2"])
    subprocess.run(["bash", "-c", script], env={"PBS_JOBID": "2[1].host"}, check=True)

    assert "#PBS -o /dev/null" in PBS.directives(Pbs(), job)
    assert [path.read_text() for path in job.output.glob(PBS.output_file("2[1].host"))] == ["hello\ntrouble\n"]


def test_the_name_of_an_experiment_is_changed_where_pbs_takes_no_such_letter() -> None:
    job = Job("_train: é", (), Path("/w"), Path("/o"))

    assert "#PBS -N x_train___" in PBS.directives(Pbs(), job)


@given(st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1).map(str.strip).filter(bool))
def test_what_a_directive_quotes_is_what_qsub_reads(account: str) -> None:
    [line] = [line for line in PBS.directives(Pbs(account=account), JOB) if line.startswith("#PBS -A")]

    assert argv(line.removeprefix("#PBS "), unquotes=True) == ["-A", account]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("r2024", "software=r2024"),
        ("a b", 'software="a b"'),
        ("a,b", 'software="a,b"'),
        ('a "b"', "software='a \"b\"'"),
    ],
)
def test_the_value_of_a_resource_keeps_quotes_of_its_own_where_qsub_would_part_it(value: str, words: str) -> None:
    [line] = [line for line in PBS.directives(Pbs(resources={"software": value}), JOB) if "software" in line]

    assert argv(line.removeprefix("#PBS "), unquotes=True) == ["-l", words]


@pytest.mark.parametrize("value", ["a & b", "é", """both ' and \""""])
def test_a_resource_that_qsub_does_not_take_is_refused(value: str) -> None:
    with pytest.raises(ProfileError, match="does not take"):
        PBS.directives(Pbs(resources={"software": value}), JOB)


def test_a_type_of_gpu_that_would_break_the_chunk_is_refused() -> None:
    with pytest.raises(ProfileError, match="write `select` instead"):
        PBS.directives(Pbs(gpus=1, gpu_type="NVIDIA A100"), JOB)


def test_an_array_may_always_be_requeued() -> None:
    with pytest.raises(ProfileError, match="may always be requeued"):
        PBS.directives(Pbs(requeue=False), Job("t", (), Path("/w"), Path("/o"), 2))


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"select": "1:ncpus=2", "mem": "2G"}, "select and mem exclude each other"),
        ({"gpu_type_resource": "gputype"}, "says nothing without gpu_type"),
        ({"resources": {"select": "1"}}, "written by fields of the profile"),
        ({"resources": {"a b": "1"}}, "letters, digits"),
        ({"priority": 2000}, "less than or equal to 1023"),
        ({"begin": "tomorrow"}, "pattern"),
        ({"select": "1\n#PBS -q other"}, "control character"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Pbs(**fields)


def test_no_warning_can_be_had_before_the_limit() -> None:
    with pytest.raises(ProfileError, match="cannot express: warn"):
        PBS.directives(Pbs.model_validate({"time": "2h", "warn": "5m"}), JOB)


def test_the_documentation_shows_the_script_that_is_written() -> None:
    page = (Path(__file__).parents[2] / "docs" / "schedulers" / "pbs.md").read_text()
    [profile], [script] = (re.findall(rf"```{kind}\n(# ~.*?|#!.*?)```", page, re.DOTALL) for kind in ("yaml", "bash"))

    shown = Pbs.model_validate(yaml.safe_load(profile))
    written = PBS.directives(shown, Job("train", (), Path("/w"), Path("/home/ada/logs/jobs/7"), 100))

    assert script == "\n".join(["#!/bin/bash", *written, ""])
