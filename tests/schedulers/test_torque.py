"""TORQUE: what is written and read, against what TORQUE 6.1.3 answered."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

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
from typedxp.schedulers.shell import Command, Reply, local_shell
from typedxp.schedulers.torque import Torque, TorqueScheduler
from typedxp.testing.pbs_family import argv
from typedxp.vocabulary.jobs import JobState, JobStatus

HERE = "torque-6.1.3"
TORQUE = TorqueScheduler()


def told(*jobs: str) -> Reply:
    return reply(f'<?xml version="1.0"?>\n<Data>{"".join(jobs)}</Data>\n')


def job(name: str, **facts: Any) -> str:
    """Write a job as qstat -x does; ``a__b`` is an element b in a."""
    tags = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in facts.items() if "__" not in key)
    deep = [(*key.split("__"), value) for key, value in facts.items() if "__" in key]
    nested = "".join(f"<{outer}><{inner}>{value}</{inner}></{outer}>" for outer, inner, value in deep)
    return f"<Job><Job_Id>{name}</Job_Id>{tags}{nested}</Job>"


def judged(**facts: Any) -> JobStatus:
    return TORQUE.ask({"1.host": ("1.host",)}, Answers(told(job("1.host", **facts))))["1.host"]


def test_the_id_of_a_job_is_what_qsub_prints() -> None:
    assert TORQUE.read_submitted(captured(HERE, "qsub-one"), None) == Submitted("3.pbshost", ("3.pbshost",))


def test_the_elements_of_an_array_have_the_index_in_the_brackets() -> None:
    assert TORQUE.read_submitted(captured(HERE, "qsub-array"), 2) == Submitted(
        "2[].pbshost", ("2[0].pbshost", "2[1].pbshost")
    )


def test_an_array_may_have_one_element() -> None:
    directives = TORQUE.directives(Torque(), Job("t", (), Path("/w"), Path("/o"), 1))

    assert "#PBS -t 0" in directives
    assert TORQUE.read_submitted(captured(HERE, "qsub-array"), 1).elements == ("2[0].pbshost",)


@pytest.mark.parametrize("name", ["qsub-bad-directive", "qsub-unknown-queue"])
def test_a_refusal_quotes_what_qsub_says(name: str) -> None:
    reply = captured(HERE, name)

    with pytest.raises(SchedulerError) as caught:
        TORQUE.read_submitted(reply, None)

    assert reply.err.strip() in str(caught.value)


@pytest.mark.parametrize("out", ["", "hello\n", "12.pbshost\n"])
def test_an_answer_that_names_no_array_is_not_taken_for_one(out: str) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        TORQUE.read_submitted(Reply(Command(("qsub",)), 0, out), 3)


def test_jobs_that_run_and_wait_are_read_from_a_real_answer() -> None:
    elements = [f"2[{index}].pbshost" for index in range(4)]
    shell = Answers(captured(HERE, "qstat-xml-running"))

    found = TORQUE.ask({"2[].pbshost": elements, "3.pbshost": ["3.pbshost"]}, shell)

    assert {name: status.state for name, status in found.items()} == {
        "2[0].pbshost": JobState.RUNNING,
        "2[1].pbshost": JobState.RUNNING,
        # Those that wait for their turn in the array are held by its slots, not by anybody.
        "2[2].pbshost": JobState.QUEUED,
        "2[3].pbshost": JobState.QUEUED,
        "3.pbshost": JobState.RUNNING,
    }
    assert found["2[2].pbshost"].native == "H"
    assert shell.asked == [("qstat", "-t", "-x", "2[].pbshost", "3.pbshost")]


FINISHED = {"2[].pbshost": ["2[0].pbshost", "2[1].pbshost"], "3.pbshost": ["3.pbshost"], "4.pbshost": ["4.pbshost"]}
HOW = {
    "2[0].pbshost": JobStatus(JobState.COMPLETED, "C", exit_code=0),
    "2[1].pbshost": JobStatus(JobState.FAILED, "C", exit_code=3, reason="exit_status 3"),
    "3.pbshost": JobStatus(JobState.CANCELLED, "C", signal=15, reason="exit_status 271"),
    "4.pbshost": JobStatus(JobState.TIMEOUT, "C", reason="exit_status -11"),
}


def test_how_jobs_ended_is_read_from_a_real_answer() -> None:
    assert TORQUE.ask(FINISHED, Answers(captured(HERE, "qstat-xml-finished"))) == HOW


@pytest.mark.parametrize("written", ["FOO=a & b && c", "FOO=() {  eval 2>&1 \n}", "FOO=a\x0eb", "FOO=&amp; &#38;"])
def test_an_environment_that_qstat_writes_as_it_is_hides_no_job(written: str) -> None:
    """The jobs may be those of others: an answer has everybody's."""
    other = f"<Job><Job_Id>1.host</Job_Id><Variable_List>{written}</Variable_List></Job>"

    found = TORQUE.ask({"2.host": ["2.host"]}, Answers(told(other, job("2.host", job_state="R"))))

    assert found == {"2.host": JobStatus(JobState.RUNNING, "R")}


def test_a_variable_that_makes_qstat_leave_out_jobs_does_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBS_QSTAT_NO_COMPLETE", "1")
    seen: list[Command] = []

    def shell(command: Command) -> Reply:
        seen.append(command)
        return local_shell(Command((sys.executable, "-c", "import os; print(dict(os.environ))"), command.without))

    with pytest.raises(SchedulerError, match="cannot be read") as caught:
        TORQUE.ask({"1.host": ["1.host"]}, shell)

    assert [command.words[:3] for command in seen] == [("qstat", "-t", "-x"), ("qstat", "-t", "-f")]
    assert "PBS_QSTAT_NO_COMPLETE" not in str(caught.value)


def test_xml_that_is_none_is_asked_for_again_as_text() -> None:
    broken = "<Data><Job><Job_Id>4.pbshost</Job_Id><submit_args>a < b</submit_args></Job></Data>"
    shell = Answers(reply(broken), captured(HERE, "qstat-f-finished"))

    assert TORQUE.ask(FINISHED, shell) == HOW
    assert shell.asked[-1] == ("qstat", "-t", "-f", "2[].pbshost", "3.pbshost", "4.pbshost")


def test_an_answer_in_several_documents_is_one_answer() -> None:
    parts = [told(job(f"{number}.host", job_state="R")).out for number in (1, 2)]
    shell = Answers(reply("".join(parts)))

    assert list(TORQUE.ask({"1.host": ["1.host"], "2.host": ["2.host"]}, shell)) == ["1.host", "2.host"]


def test_a_job_that_is_forgotten_is_not_in_the_answer() -> None:
    shell = Answers(captured(HERE, "qstat-unknown"), captured(HERE, "qstat-xml-running"))

    assert TORQUE.ask({"99999.pbshost": ["99999.pbshost"]}, shell) == {}
    assert shell.asked == [("qstat", "-t", "-x", "99999.pbshost"), ("qstat", "-t", "-x")]


def test_elements_of_an_array_that_is_going_are_found_among_all_jobs() -> None:
    shell = Answers(captured(HERE, "qstat-unknown"), captured(HERE, "qstat-xml-finished"))

    assert TORQUE.ask({"2[].pbshost": ["2[1].pbshost"]}, shell) == {"2[1].pbshost": HOW["2[1].pbshost"]}


def test_a_server_without_any_job_has_forgotten_all() -> None:
    assert TORQUE.ask({"1.host": ["1.host"]}, Answers(captured(HERE, "qstat-unknown"), reply())) == {}


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"job_state": "C", "exit_status": -10}, JobState.OUT_OF_MEMORY),
        ({"job_state": "C", "exit_status": -12}, JobState.TIMEOUT),
        ({"job_state": "C", "exit_status": -5}, JobState.NODE_FAILED),
        ({"job_state": "C", "exit_status": -1}, JobState.FAILED),
        ({"job_state": "C", "exit_status": 265}, JobState.FAILED),
        ({"job_state": "C"}, JobState.CANCELLED),
        ({"job_state": "E"}, JobState.RUNNING),
        ({"job_state": "W"}, JobState.QUEUED),
        ({"job_state": "H", "Hold_Types": "u"}, JobState.HELD),
        ({"job_state": "H", "Hold_Types": "ul"}, JobState.HELD),
        ({"job_state": "H", "Hold_Types": "s"}, JobState.HELD),
        # An array whose elements are still being made, and how old versions write this and the slots of an array.
        ({"job_state": "H", "Hold_Types": "a"}, JobState.QUEUED),
        ({"job_state": "H", "Hold_Types": ""}, JobState.QUEUED),
        ({"job_state": "H", "Hold_Types": "s", "depend": "afterok:1.host@host"}, JobState.QUEUED),
        ({"job_state": "Z"}, JobState.UNKNOWN),
        ({}, JobState.UNKNOWN),
    ],
)
def test_what_torque_says_of_a_job_has_a_word_of_ours(facts: dict[str, Any], state: JobState) -> None:
    assert judged(**facts).state is state


def test_a_job_that_was_killed_when_its_time_was_over_is_out_of_time() -> None:
    killed = {"job_state": "C", "exit_status": 265, "Resource_List__walltime": "00:01:00"}

    assert judged(**killed, resources_used__walltime="00:01:07") == JobStatus(
        JobState.TIMEOUT, "C", signal=9, reason="exit_status 265: walltime 00:01:07 of 00:01:00"
    )
    assert judged(**killed, resources_used__walltime="00:00:07").state is JobState.FAILED


def test_an_old_version_that_names_no_limit_is_asked_for_the_time_that_was_used() -> None:
    over = {"job_state": "C", "exit_status": -10, "Resource_List__walltime": "00:01:00"}

    assert judged(**over, resources_used__walltime="00:01:07") == JobStatus(
        JobState.TIMEOUT, "C", reason="exit_status -10: walltime 00:01:07 of 00:01:00"
    )
    assert judged(**over, resources_used__walltime="00:00:07").state is JobState.OUT_OF_MEMORY


def test_a_job_that_another_kept_from_running_says_so() -> None:
    why = "Job deleted as result of dependency on job 1.host"

    assert judged(job_state="C", exit_status=271, comment=why) == JobStatus(
        JobState.CANCELLED, "C", signal=15, reason=f"exit_status 271: {why}"
    )


def test_a_server_that_is_down_is_asked_once() -> None:
    shell = Answers(
        reply(err="socket_connect_unix failed: 15137\nqstat: cannot connect to server pbshost (errno=15137)\n", code=33)
    )

    with pytest.raises(SchedulerError, match="socket_connect_unix failed"):
        TORQUE.ask({"1.host": ["1.host"]}, shell)


def test_garbage_is_an_error_not_an_answer() -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        TORQUE.ask({"1.host": ["1.host"]}, Answers(reply("garbage"), reply("garbage")))


def test_an_answer_declares_no_entities() -> None:
    bomb = '<!DOCTYPE d [<!ENTITY a "b">]><Data><Job><Job_Id>1.host</Job_Id><job_state>&a;</job_state></Job></Data>'

    with pytest.raises(SchedulerError, match="cannot be read"):
        TORQUE.ask({"1.host": ["1.host"]}, Answers(reply(bomb), reply()))


@pytest.mark.parametrize("name", ["qdel", "qdel-unknown"])
def test_cancelling_passes_over_what_has_ended(name: str) -> None:
    shell = Answers(captured(HERE, name))

    Cluster(TORQUE, shell).cancel(["3.pbshost", "2[1].pbshost"])

    assert shell.asked == [("qdel", "3.pbshost", "2[1].pbshost")]


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("qdel: nonexistent job id: 99999\nqdel: invalid state for job - COMPLETE 3.pbshost\n", True),
        ("qdel: Unknown Job Id Error 3.pbshost\n", True),
        ("qdel: Invalid request MSG=job cancel in progress 3.pbshost\n", True),
        ("qdel: Unauthorized Request  3.pbshost\n", False),
        ("", False),
    ],
)
def test_only_what_has_ended_is_gone(said: str, gone: bool) -> None:
    assert TORQUE.gone(Reply(Command(("qdel",)), 170, "", said)) is gone


def test_elements_are_held_and_released() -> None:
    shell = Answers(reply(), reply())
    cluster = Cluster(TORQUE, shell)

    cluster.hold(["2[1].pbshost"])
    cluster.release(["2[1].pbshost"])

    assert shell.asked == [("qhold", "2[1].pbshost"), ("qrls", "2[1].pbshost")]


def test_users_cannot_requeue() -> None:
    assert TORQUE.requeue_command("2[1].pbshost") is None


@pytest.mark.parametrize(
    ("out", "limit"),
    [("Server: pbshost\n    max_job_array_size = 500\n    log_level = 0\n", 500), ("Server: pbshost\n", None)],
)
def test_the_limit_of_arrays_is_an_attribute_of_the_server(out: str, limit: int | None) -> None:
    assert Cluster(TORQUE, Answers(reply(out))).array_limit() == limit


def test_the_file_of_an_output_has_the_number_and_the_index(tmp_path: Path) -> None:
    for name in ("arr.o2-1", "arr.o2-11", "arr.o12-1", "arr.o2", "job.sh"):
        (tmp_path / name).touch()

    assert [path.name for path in tmp_path.glob(TORQUE.output_file("2[1].pbshost"))] == ["arr.o2-1"]
    assert [path.name for path in tmp_path.glob(TORQUE.output_file("2.pbshost"))] == ["arr.o2"]


@pytest.mark.parametrize(("count", "name"), [(None, "2.host"), (3, "2[1].host")])
@pytest.mark.parametrize("where", ["my runs", "a:b", """it's a "50%" $HOME; [a,b] `c` \\d & #1"""])
def test_an_output_path_that_torque_does_not_take_is_written_to_by_the_job(
    tmp_path: Path, where: str, count: int | None, name: str
) -> None:
    job = Job("train", (), Path("/w"), tmp_path / where, count)
    job.output.mkdir()

    script = "\n".join([*TORQUE.opening(job), "echo hello", "echo trouble >&2"])
    subprocess.run(["bash", "-c", script], env={"PBS_JOBID": name, "PBS_ARRAYID": "1"}, check=True)

    assert "#PBS -o /dev/null" in TORQUE.directives(Torque(), job)
    assert [path.read_text() for path in job.output.glob(TORQUE.output_file(name))] == ["hello\ntrouble\n"]


def test_a_value_is_kept_together_by_backslashes_since_quotes_would_become_part_of_it() -> None:
    assert """#PBS -A my\\ lab\\'s""" in TORQUE.directives(Torque(account="my lab's"), JOB)


@given(st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1).map(str.strip).filter(bool))
def test_what_a_directive_keeps_together_is_what_qsub_reads(account: str) -> None:
    [line] = [line for line in TORQUE.directives(Torque(account=account), JOB) if line.startswith("#PBS -A")]

    assert argv(line.removeprefix("#PBS "), unquotes=False) == ["-A", account]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"node_spec": "1:ppn=2", "mem": "2G"}, "node_spec and mem exclude each other"),
        ({"node_spec": "1:ppn=2", "gpus": 1}, "node_spec and gpus exclude each other"),
        ({"resources": {"select": "1"}}, "written by fields of the profile"),
        ({"priority": -2000}, "greater than or equal to -1024"),
        ({"begin": "1h"}, "pattern"),
        ({"select": "1:ncpus=4"}, "Extra inputs are not permitted"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Torque(**fields)


def test_no_warning_can_be_had_before_the_limit() -> None:
    with pytest.raises(ProfileError, match="cannot express: warn"):
        TORQUE.directives(Torque.model_validate({"time": "2h", "warn": "5m"}), JOB)


def test_the_documentation_shows_the_script_that_is_written() -> None:
    page = (Path(__file__).parents[2] / "docs" / "schedulers" / "torque.md").read_text()
    [profile], [script] = (re.findall(rf"```{kind}\n(# ~.*?|#!.*?)```", page, re.DOTALL) for kind in ("yaml", "bash"))

    shown = Torque.model_validate(yaml.safe_load(profile))
    written = TORQUE.directives(shown, Job("train", (), Path("/w"), Path("/home/ada/logs/jobs/7"), 100))

    assert script == "\n".join(["#!/bin/bash", *written, ""])
