"""OAR: what is written and read, against what OAR 2.5.9 answered."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.schedulers.cases import JOB
from tests.schedulers.replies import Answers, captured, reply
from typedxp.errors import SchedulerError
from typedxp.schedulers.base import Cluster, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.oar import Oar, OarScheduler
from typedxp.schedulers.script import render
from typedxp.schedulers.shell import Command, Reply
from typedxp.testing.oar import FakeOar
from typedxp.testing.standin import Answer, FakeElement
from typedxp.vocabulary.jobs import JobState, JobStatus

HERE = "oar-2.5.9"
OAR = OarScheduler()
NO_JSON = "No Perl JSON module is available on the system. If required, ask your admin to install one.\n"


def told(*names: str, reply: str) -> dict[str, JobStatus]:
    """Ask about jobs, and answer with what was recorded."""
    return OAR.ask({names[0]: names}, Answers(captured(HERE, reply)))


def judged(**facts: Any) -> JobStatus:
    """Ask about job 5, of which oarstat says some facts."""
    row = {"Job_Id": 5, "state": "Waiting", **facts}
    return OAR.ask({"5": ("5",)}, Answers(reply(json.dumps({"5": row}))))["5"]


def events(*types: str) -> list[Mapping[str, str]]:
    return [{"type": kind, "description": f"about {kind}"} for kind in types]


def options(**fields: Any) -> list[str]:
    return Oar(**fields).options(JOB)


# Submission


def test_an_array_has_a_number_for_each_element_and_a_name_of_its_own() -> None:
    submitted = OAR.read_submitted(captured(HERE, "oarsub-array"), 4)

    assert submitted == Submitted("array:2", ("2", "3", "4", "5"))


def test_a_lone_job_is_its_only_element() -> None:
    assert OAR.read_submitted(captured(HERE, "oarsub-one"), None) == Submitted("6", ("6",))


def test_an_array_of_one_is_an_array_though_oar_prints_it_as_a_job() -> None:
    assert OAR.read_submitted(captured(HERE, "oarsub-one"), 1) == Submitted("array:6", ("6",))


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("oarsub-refused", "There are not enough resources for your request"),
        ("oarsub-bad-queue", "The queue nowhere does not exist"),
        ("oarsub-refused-queue-in-script", "The queue nowhere does not exist"),
        ("oarsub-bad-directive", "Not able to scan file line: #OAR --nonsense"),
    ],
)
def test_a_refusal_quotes_oar(reply: str, words: str) -> None:
    with pytest.raises(SchedulerError, match=words):
        OAR.read_submitted(captured(HERE, reply), None)


def test_a_negative_number_is_a_refusal_whatever_the_exit_code() -> None:
    with pytest.raises(SchedulerError, match="no resources"):
        OAR.read_submitted(Reply(Command(("oarsub",)), 0, "OAR_JOB_ID=-5\n", "no resources"), None)


def test_jobs_that_the_server_has_not_heard_of_yet_are_submitted() -> None:
    err = "[ERROR] Cannot connect to executor host:6666. Job is killed.\n"

    assert OAR.read_submitted(Reply(Command(("oarsub",)), 9, "OAR_JOB_ID=7\n", err), None) == Submitted("7", ("7",))


@pytest.mark.parametrize(("out", "count"), [("", None), ("OAR_JOB_ID=7\n", 2), ("OAR_JOB_ID=x\n", None)])
def test_an_answer_with_other_numbers_than_there_are_elements_cannot_be_read(out: str, count: int | None) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        OAR.read_submitted(Reply(Command(("oarsub",)), 0, out), count)


def test_a_script_is_submitted_from_the_root_since_oar_enters_the_directory_of_the_submission() -> None:
    assert OAR.submit_command(Path("/home/ada/job.sh")).words == ("oarsub", "-d", "/", "-S", "/home/ada/job.sh")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20))
def test_any_path_is_one_word_for_oar_and_itself_for_a_shell(name: str) -> None:
    path = f"/home/{name}"
    spelled = OAR.submit_command(Path(path)).words[-1]

    assert " " not in spelled
    for shell in ("sh", "bash"):
        said = subprocess.run([shell, "-c", f"printf %s {spelled}"], capture_output=True, check=True, text=True).stdout
        assert said == str(Path(path))


def test_a_path_with_a_line_break_is_refused() -> None:
    with pytest.raises(SchedulerError, match="tabs or line breaks"):
        OAR.submit_command(Path("/home/a\nb/job.sh"))


def test_nothing_of_a_job_reaches_the_submission_of_another() -> None:
    assert OAR.submit_command(Path("/job.sh")).without == ("OAR*",)


# Status


def test_elements_that_have_ended_are_read_from_one_answer() -> None:
    found = told("2", "3", "4", "5", reply="oarstat-json-finished")

    assert found["5"] == JobStatus(JobState.COMPLETED, "Terminated", 0)
    assert found["3"] == JobStatus(JobState.FAILED, "Terminated", 3, reason="exit 3")
    assert set(found) == {"2", "3", "4", "5"}


def test_elements_that_wait_and_run_are_told_with_the_message() -> None:
    found = told("4", "6", reply="oarstat-json")

    assert (found["4"].state, found["4"].reason) == (JobState.QUEUED, "R=1,W=0:1:0,J=B,N=arr")


def test_a_job_that_is_being_killed_runs_still() -> None:
    assert told("6", reply="oarstat-json-killed")["6"].state is JobState.RUNNING


def test_a_job_over_its_time_is_timeout_though_it_was_killed_like_a_cancelled_one() -> None:
    status = told("10", reply="oarstat-json-walltime")["10"]

    assert (status.state, status.native, status.exit_code) == (JobState.TIMEOUT, "Error", None)
    assert status.reason == "WALLTIME: [sarko] Job [10] from 1795241666 with 10; current time=1795241686 (Elapsed)"


def test_a_job_that_was_deleted_is_cancelled() -> None:
    status = told("54", reply="oarstat-json-cancelled")["54"]

    assert status.state is JobState.CANCELLED
    assert status.reason == "FRAG_JOB_REQUEST: User root requested to frag the job 54"


def test_a_job_whose_output_has_no_place_says_so() -> None:
    status = told("51", reply="oarstat-json-no-output")["51"]

    assert status.state is JobState.FAILED
    assert "Cannot create .stdout and .stderr files" in (status.reason or "")


def test_an_element_stands_where_the_job_stands_that_it_was_resubmitted_as() -> None:
    found = told("49", "50", reply="oarstat-json-resubmitted")

    assert (found["49"].state, found["49"].native) == (JobState.QUEUED, "Waiting")
    assert (found["49"].reason or "").startswith("resubmitted as 561; ")
    assert found["50"].state is JobState.RUNNING
    assert set(found) == {"49", "50"}


def test_an_element_whose_last_job_was_deleted_is_cancelled() -> None:
    found = told("49", "50", reply="oarstat-json-cancelled-heir")

    assert [status.state for status in found.values()] == [JobState.CANCELLED, JobState.CANCELLED]


def test_a_job_that_asked_to_run_again_stands_where_its_second_turn_stands() -> None:
    status = told("564", reply="oarstat-json-again")["564"]

    assert status == JobStatus(JobState.COMPLETED, "Terminated", 0, reason="resubmitted as 568")


def test_a_besteffort_job_that_had_to_go_is_preempted() -> None:
    status = judged(state="Error", events=events("BESTEFFORT_KILL", "FRAG_JOB_REQUEST"))

    assert (status.state, status.reason) == (JobState.PREEMPTED, "BESTEFFORT_KILL: about BESTEFFORT_KILL")


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("PING_CHECKER_NODE_SUSPECTED_END_JOB", JobState.NODE_FAILED),
        ("LAUNCHING_OAREXEC_TIMEOUT", JobState.NODE_FAILED),
        ("WORKING_DIRECTORY", JobState.FAILED),
        ("SOMETHING_NEW", JobState.FAILED),
    ],
)
@pytest.mark.parametrize("word", ["Error", "toError"])
def test_what_stopped_a_job_is_told_by_its_events(word: str, kind: str, state: JobState) -> None:
    status = judged(state=word, events=events("SWITCH_INTO_ERROR_STATE", kind))

    assert (status.state, status.native) == (state, word)
    assert kind in (status.reason or "")


def test_an_exit_code_is_a_raw_wait_status() -> None:
    assert judged(state="Terminated", exit_code=9) == JobStatus(JobState.FAILED, "Terminated", signal=9)
    assert judged(state="Terminated", exit_code=256) == JobStatus(JobState.FAILED, "Terminated", 1, reason="exit 1")
    assert judged(state="Terminated", exit_code=0) == JobStatus(JobState.COMPLETED, "Terminated", 0)


def test_a_job_without_an_exit_code_is_not_completed() -> None:
    assert judged(state="Terminated", exit_code=None).state is JobState.FAILED


def test_a_short_job_that_wanted_to_be_resubmitted_is_told_why_it_was_not() -> None:
    status = judged(state="Terminated", exit_code=99 << 8, types=["idempotent"])

    assert (status.state, status.exit_code) == (JobState.FAILED, 99)
    assert "60 s" in (status.reason or "")


def test_a_script_that_is_not_executable_is_told() -> None:
    assert "could not execute" in (judged(state="Terminated", exit_code=126 << 8).reason or "")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Hold", JobState.HELD),
        ("toLaunch", JobState.QUEUED),
        ("toAckReservation", JobState.QUEUED),
        ("Suspended", JobState.RUNNING),
        ("Resuming", JobState.RUNNING),
        ("Finishing", JobState.RUNNING),
        ("Dreaming", JobState.UNKNOWN),
    ],
)
def test_words_are_translated_and_new_ones_are_data(word: str, state: JobState) -> None:
    status = judged(state=word)

    assert (status.state, status.native) == (state, word)


def test_all_jobs_are_one_question() -> None:
    shell = Answers(reply())

    assert OAR.ask({"array:2": ("2", "3"), "7": ("7",)}, shell) == {}
    assert shell.asked == [("oarstat", "-f", "--sql", "array_id IN (2,7)", "-J")]


def test_a_job_that_oar_never_heard_of_is_absent() -> None:
    assert told("999999", reply="oarstat-json-unknown") == {}


def test_names_that_are_no_numbers_never_reach_the_database() -> None:
    shell = Answers()

    assert OAR.ask({"1) OR (1=1": ("1) OR (1=1",)}, shell) == {}
    assert OAR.cancel_commands(["1) OR (1=1", "array:2;"]) == []


def test_without_json_the_text_is_read() -> None:
    shell = Answers(reply(err=NO_JSON, code=1), captured(HERE, "oarstat-text"))
    found = OAR.ask({"array:49": ("49", "50")}, shell)

    assert {name: status.state for name, status in found.items()} == {"49": JobState.QUEUED, "50": JobState.RUNNING}
    assert shell.asked[1] == ("oarstat", "-f", "--sql", "array_id IN (49)")


def test_text_says_how_jobs_ended_as_json_does() -> None:
    shell = Answers(reply(err=NO_JSON, code=1), captured(HERE, "oarstat-text-ended"))
    found = OAR.ask({"10": ("10",), "7": ("7",)}, shell)

    assert found["10"] == told("10", reply="oarstat-json-walltime")["10"]
    assert found["7"] == JobStatus(JobState.COMPLETED, "Terminated", 0)


@pytest.mark.parametrize(
    "out", ["garbage", "[]", '{"5": 5}', '{"5": {"Job_Id": 5}}', '{"5": {"Job_Id": "x", "state": 1}}']
)
def test_an_answer_without_sense_is_quoted(out: str) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        OAR.ask({"5": ("5",)}, Answers(reply(out)))


@pytest.mark.parametrize(
    "out",
    [
        "garbage",
        "Job_Id: 5\n    name = x\n",
        "Job_Id: 5\n    state = Waiting\n    resubmit_job_id = none\n",
    ],
)
def test_text_without_sense_is_quoted(out: str) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        OAR.ask({"5": ("5",)}, Answers(reply(err=NO_JSON, code=1), reply(out)))


def test_a_database_that_is_down_is_an_error() -> None:
    with pytest.raises(SchedulerError, match="DB connection error"):
        OAR.ask({"5": ("5",)}, Answers(reply(err="DB connection error, exiting.\n", code=25)))


# Acts


def test_five_hundred_elements_are_cancelled_by_one_command() -> None:
    [command] = OAR.cancel_commands([str(number) for number in range(1, 501)])

    assert command.words[:2] == ("oardel", "--sql")
    assert "job_id IN (1,2,3," in command.words[2]
    assert command.words[2].endswith(" AND state NOT IN ('toError', 'Error', 'Terminated')")


def test_an_array_is_cancelled_by_its_name_and_its_first_element_by_its_number() -> None:
    [array] = OAR.cancel_commands(["array:7"])
    [element] = OAR.cancel_commands(["7"])

    assert array.words[2].startswith("array_id IN (7) AND ")
    assert element.words[2].startswith("(array_id, array_index) IN (SELECT array_id, array_index FROM jobs WHERE")


def test_what_is_about_to_end_is_gone() -> None:
    assert OAR.gone(captured(HERE, "oardel-sql"))
    assert OAR.gone(captured(HERE, "oardel-sql-twice"))
    assert not OAR.gone(captured(HERE, "oardel-unknown"))
    assert not OAR.gone(Reply(Command(("oardel",)), 25, "", ""))


# Profiles


def test_resources_are_one_line_from_the_node_to_the_core() -> None:
    asked = options(nodes=2, tasks=4, cpus=8, gpus=2, gpu_level="gpu", node_level="host", time="2h")

    assert asked == ["-l host=2/gpu=2/core=8,walltime=02:00:00"]


def test_tasks_of_one_cpu_may_be_anywhere() -> None:
    assert options(tasks=16) == ["-l core=16"]


def test_the_cpus_of_a_task_are_on_one_node() -> None:
    assert options(cpus=16) == ["-l nodes=1/core=16"]


def test_no_gpus_are_no_level() -> None:
    assert options(gpus=0, cpus=2) == ["-l nodes=1/core=2"]


def test_a_limit_alone_leaves_the_resources_to_the_site() -> None:
    assert options(time="2d") == ["-l walltime=48:00:00"]


def test_a_condition_with_or_is_kept_together_beside_memory() -> None:
    asked = options(properties="a = 1 OR b = 2", mem="1.5G", memory_property="memnode")

    assert asked == ["-p (a = 1 OR b = 2) AND memnode >= 1536"]


def test_a_condition_alone_is_written_as_it_is() -> None:
    assert options(properties="gpumem>'16000'") == ["-p gpumem>'16000'"]


def test_requeue_makes_a_job_idempotent_once() -> None:
    assert options(requeue=True, besteffort=True, types=["idempotent", "night"]) == [
        "-t besteffort",
        "-t idempotent",
        "-t night",
    ]
    assert options(requeue=False) == []


def test_a_warning_is_the_signal_that_the_worker_knows() -> None:
    assert options(time="1h", warn="5m")[1:] == ["--checkpoint 300", "--signal 10"]


def test_the_end_is_any_end() -> None:
    assert options(mail="ada@example.org", mail_on=["begin", "end"]) == [
        "--notify [RUNNING,END,ERROR]mail:ada@example.org"
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"resources": "host=1", "cpus": 2}, "resources and cpus exclude each other"),
        ({"resources": "host=1,walltime=1:0:0"}, "written by time"),
        ({"mem": "1G"}, "without memory_property"),
        ({"gpus": 1}, "without gpu_level"),
        ({"gpus": 1, "gpu_level": "gpu", "gpu_type": "a100"}, "without gpu_type_property"),
        ({"requeue": True, "idempotent": True}, "exclude each other"),
        ({"time": "1h", "warn": "5m", "checkpoint": "5m"}, "exclude each other"),
        ({"checkpoint": "5m"}, "without time"),
        ({"signal": 12}, "without checkpoint"),
        ({"mail": "a@b.org", "mail_on": ["fail"]}, "ask for end, too"),
        ({"mail": "a@b.org", "notify": "mail:a@b.org"}, "exclude each other"),
        ({"account": "a", "project": "b"}, "exclude each other"),
        ({"tasks": 4, "cpus": 2}, "set nodes"),
        ({"nodes": 2, "tasks": 3}, "same number of cores"),
        ({"nodes": 2, "tasks": 3, "cpus": 2}, "same number of tasks"),
        ({"gpus": 2, "gpu_level": "gpu", "cpus": 3}, "same number of cores"),
        ({"name": "it's"}, "no ' and no backslash"),
        ({"queue": "it's"}, "no ' and no backslash"),
        ({"types": ["a\\b"]}, "no ' and no backslash"),
    ],
)
def test_what_does_not_fit_together_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Oar(**fields)


def test_an_experiment_has_a_name_that_oar_can_write_down() -> None:
    odd = Job("it's\\n", ("python",), Path("/"), Path("/"))

    assert OAR.job_options(Oar(), odd)[0] == "-n it_s_n"


# The stand-in, where it goes beyond the contract


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Write an idempotent besteffort job that sleeps the first time, and ends the second."""
    body = f"[ ! -e {tmp_path}/once ] || exit 0; touch {tmp_path}/once; exec sleep 60"
    job = Job("nap", ("bash", "-c", body), tmp_path, tmp_path)
    path = tmp_path / "job.sh"
    path.write_text(render(OAR, Oar(besteffort=True, requeue=True), job))
    path.chmod(0o755)
    return path


def _running(oar: FakeOar, cluster: Cluster, submitted: Submitted) -> FakeElement:
    jobs = {submitted.job: submitted.elements}
    _until(lambda: cluster.statuses(jobs)[submitted.job].state is JobState.RUNNING)
    return oar.jobs[submitted.job].elements[0]


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_preempted_job_is_followed_under_its_first_name_until_it_has_ended(script: Path) -> None:
    with FakeOar() as oar:
        cluster = Cluster(OAR, oar)
        submitted = cluster.submit(script, None)
        element = _running(oar, cluster, submitted)
        _until((script.parent / "once").exists)
        oar.preempt(element)
        oar.drain()
        status = cluster.statuses({submitted.job: submitted.elements})[submitted.job]

    assert (status.state, status.reason) == (JobState.COMPLETED, "resubmitted as 2")


def test_cancelling_a_preempted_job_cancels_what_it_was_resubmitted_as(script: Path) -> None:
    with FakeOar(slots=1) as oar:
        cluster = Cluster(OAR, oar)
        submitted = cluster.submit(script, None)
        oar.preempt(_running(oar, cluster, submitted))
        cluster.cancel(submitted.elements)
        oar.drain()
        status = cluster.statuses({submitted.job: submitted.elements})[submitted.job]

    assert status.state is JobState.CANCELLED


def test_a_node_that_fails_is_told_apart(script: Path) -> None:
    with FakeOar() as oar:
        cluster = Cluster(OAR, oar)
        submitted = cluster.submit(script, None)
        oar.node_fails(_running(oar, cluster, submitted))
        oar.drain()

        assert cluster.statuses({submitted.job: submitted.elements})[submitted.job].state is JobState.NODE_FAILED


def test_a_stand_in_without_json_answers_the_same(script: Path) -> None:
    with FakeOar() as oar:
        cluster = Cluster(OAR, oar)
        submitted = cluster.submit(script, None)
        oar.preempt(_running(oar, cluster, submitted))
        cluster.cancel(submitted.elements)
        oar.drain()
        jobs = {submitted.job: submitted.elements}
        before = cluster.statuses(jobs)
        oar.json = False

        assert cluster.statuses(jobs) == before


def test_a_script_that_nobody_may_execute_fails(script: Path) -> None:
    script.chmod(0o644)
    with FakeOar() as oar:
        cluster = Cluster(OAR, oar)
        submitted = cluster.submit(script, None)
        oar.drain()

        assert cluster.statuses({submitted.job: submitted.elements})[submitted.job].exit_code == 126


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"queue": "nowhere"}, "does not exist"),
        ({"nodes": 2000}, "not enough resources"),
        ({"directives": ["-O /tmp/a;b"]}, "Invalid stdout file name"),
        ({"directives": ["-r 2026-01-01 00:00:00"]}, "Not able to scan"),
    ],
)
def test_the_stand_in_refuses_what_oar_refuses(tmp_path: Path, fields: dict[str, Any], words: str) -> None:
    path = tmp_path / "job.sh"
    path.write_text(render(OAR, Oar(**fields), JOB))

    with FakeOar(queues=["default"]) as oar, pytest.raises(SchedulerError, match=words):
        Cluster(OAR, oar).submit(path, None)


def test_a_stand_in_can_be_broken(script: Path) -> None:
    with FakeOar() as oar:
        oar.breaks("oarstat", Answer(err="DB connection error, exiting.\n", code=25))
        cluster = Cluster(OAR, oar)
        submitted = cluster.submit(script, None)

        with pytest.raises(SchedulerError, match="DB connection error"):
            cluster.statuses({submitted.job: submitted.elements})
