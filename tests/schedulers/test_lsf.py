"""LSF: what is written and read, against what its manual shows. Nothing here was seen on an LSF."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from fnmatch import fnmatchcase
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
from typedxp.schedulers.lsf import Lsf, LsfScheduler
from typedxp.schedulers.script import render
from typedxp.schedulers.shell import Command, Reply, local_shell
from typedxp.vocabulary.jobs import JobState, JobStatus

HERE = "lsf-10.1"
LSF = LsfScheduler()


def told(*records: dict[str, str]) -> Reply:
    filled = [{"JOBID": "1", "JOBINDEX": "0", **record} for record in records]
    return Reply(Command(("bjobs",)), 0, json.dumps({"COMMAND": "bjobs", "JOBS": len(filled), "RECORDS": filled}))


def judged(**record: str) -> JobStatus:
    return LSF.ask({"1": ("1",)}, Answers(told(record)))["1"]


def options(**fields: Any) -> list[str]:
    return Lsf(**fields).options(JOB)


def test_the_id_of_a_job_is_between_angle_brackets() -> None:
    assert LSF.read_submitted(captured(HERE, "bsub"), None) == Submitted("123", ("123",))


def test_what_a_site_prints_before_does_not_matter() -> None:
    assert LSF.read_submitted(captured(HERE, "bsub-default"), None).job == "4711"


def test_the_elements_of_an_array_are_counted_from_one() -> None:
    assert LSF.read_submitted(captured(HERE, "bsub"), 3) == Submitted("123", ("123[1]", "123[2]", "123[3]"))


def test_a_refusal_quotes_what_bsub_says() -> None:
    with pytest.raises(SchedulerError, match=r"nowhere: No such queue\. Job not submitted\."):
        LSF.read_submitted(captured(HERE, "bsub-refused"), None)


def test_an_answer_without_an_id_is_unreadable() -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        LSF.read_submitted(Reply(Command(("bsub",)), 0, "Waiting for esub\n"), None)


def test_a_script_is_submitted_by_standard_input(tmp_path: Path) -> None:
    script = tmp_path / "my job.sh"
    script.write_text("#!/bin/bash\n#BSUB -J train\n")
    command = LSF.submit_command(script)

    assert command.words == ("bsub",)
    assert str(command) == f"bsub < '{script}'"
    # What reads its standard input stands for bsub.
    heard = local_shell(Command(("cat",), stdin_file=command.stdin_file))
    assert heard.out == script.read_text()


def test_a_script_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SchedulerError, match=r"gone\.sh.*No such file"):
        local_shell(LSF.submit_command(tmp_path / "gone.sh"))


def test_all_jobs_are_one_question() -> None:
    shell = Answers(captured(HERE, "bjobs-json"))
    found = LSF.ask({"123": [f"123[{i}]" for i in range(1, 6)], "124": ["124"], "999": ["999"]}, shell)

    assert [words[:4] for words in shell.asked] == [("bjobs", "-a", "-json", "-o")]
    assert shell.asked[0][-3:] == ("123", "124", "999")
    assert {name: status.state for name, status in found.items()} == {
        "123[1]": JobState.COMPLETED,
        "123[2]": JobState.FAILED,
        "123[3]": JobState.TIMEOUT,
        "123[4]": JobState.OUT_OF_MEMORY,
        "123[5]": JobState.RUNNING,
        "124": JobState.QUEUED,
    }


def test_a_status_has_the_evidence() -> None:
    found = LSF.ask({"123": [f"123[{i}]" for i in range(1, 6)], "124": ["124"]}, Answers(captured(HERE, "bjobs-json")))

    assert found["123[1]"] == JobStatus(JobState.COMPLETED, "DONE", 0)
    assert found["123[2]"] == JobStatus(JobState.FAILED, "EXIT", 3, None, "exit 3")
    assert found["123[3]"].reason == "TERM_RUNLIMIT: job killed after reaching LSF run time limit, exit 140"
    assert (found["123[4]"].exit_code, found["123[4]"].signal) == (137, 9)
    assert found["124"].reason == "New job is waiting for scheduling;"


def test_an_lsf_without_json_is_asked_for_text() -> None:
    shell = Answers(captured(HERE, "bjobs-no-json"), captured(HERE, "bjobs-text"))
    found = LSF.ask({"123": ["123[1]", "123[2]"], "124": ["124"]}, shell)

    assert "delimiter='^'" in shell.asked[1][4]
    assert found == {
        "123[1]": JobStatus(JobState.COMPLETED, "DONE", 0),
        "123[2]": JobStatus(JobState.CANCELLED, "EXIT", 130, 2, "TERM_OWNER: job killed by owner, exit 130"),
        "124": JobStatus(JobState.RUNNING, "RUN"),
    }


def test_jobs_that_lsf_has_forgotten_are_absent() -> None:
    assert LSF.ask({"999": ["999"]}, Answers(captured(HERE, "bjobs-unknown"))) == {}


def test_an_lsf_that_is_down_is_an_error_that_quotes_it() -> None:
    with pytest.raises(SchedulerError, match="LIM is down"):
        LSF.ask({"123": ["123"]}, Answers(captured(HERE, "bjobs-down"), captured(HERE, "bjobs-down")))


@pytest.mark.parametrize("text", ["garbage", "{", "[]", '{"RECORDS": 3}', '{"RECORDS": [3]}', '{"RECORDS": {"a": 1}}'])
def test_garbage_is_an_error_not_a_crash(text: str) -> None:
    garbage = Reply(Command(("bjobs",)), 0, text)

    with pytest.raises(SchedulerError, match="cannot be read"):
        LSF.ask({"123": ["123"]}, Answers(garbage, garbage))


@given(st.text())
def test_whatever_bjobs_prints_is_read_or_refused(text: str) -> None:
    garbage = Reply(Command(("bjobs",)), 0, text)
    try:
        found = LSF.ask({"123": ["123"]}, Answers(garbage, garbage))
    except SchedulerError:
        return
    assert set(found) <= {"123"}


def test_a_line_break_in_a_reason_is_read() -> None:
    out = (
        '{"COMMAND":"bjobs","JOBS":1,"RECORDS":[{"JOBID":"1","JOBINDEX":"0","STAT":"PEND","PEND_REASON":"two\nlines"}]}'
    )

    assert LSF.ask({"1": ["1"]}, Answers(Reply(Command(("bjobs",)), 0, out)))["1"].reason == "two lines"


def test_what_daemons_say_before_the_answer_is_passed_over() -> None:
    reply = told({"STAT": "RUN"})
    late = Reply(reply.command, 0, f"Cannot connect to LSF. Please wait ...\n{reply.out}")

    assert LSF.ask({"1": ["1"]}, Answers(late))["1"].state is JobState.RUNNING


@pytest.mark.parametrize(
    ("stat", "state"),
    [
        ("PEND", JobState.QUEUED),
        ("WAIT", JobState.QUEUED),
        ("PSUSP", JobState.HELD),
        ("PROV", JobState.RUNNING),
        ("USUSP", JobState.RUNNING),
        ("SSUSP", JobState.RUNNING),
        ("UNKWN", JobState.UNKNOWN),
        ("ZOMBI", JobState.UNKNOWN),
        ("NEWWORD", JobState.UNKNOWN),
    ],
)
def test_states_keep_lsfs_own_word(stat: str, state: JobState) -> None:
    assert judged(STAT=stat) == JobStatus(state, stat)


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("TERM_RUNLIMIT: job killed after reaching LSF run time limit.", JobState.TIMEOUT),
        ("TERM_SWAP: job killed after reaching LSF swap usage limit.", JobState.OUT_OF_MEMORY),
        ("TERM_PREEMPT: job killed after preemption.", JobState.PREEMPTED),
        ("TERM_OWNER: job killed by owner.", JobState.CANCELLED),
        ("TERM_ORPHAN_SYSTEM: orphan job terminated.", JobState.CANCELLED),
        ("TERM_ZOMBI: job exited while LSF is not available.", JobState.NODE_FAILED),
        ("TERM_EXTERNAL_SIGNAL: job killed by a signal external to LSF.", JobState.FAILED),
        ("TERM_NEW: a word of tomorrow.", JobState.FAILED),
        ("job killed by TERM_OWNER", JobState.FAILED),
    ],
)
def test_the_reason_tells_how_a_job_ended(reason: str, state: JobState) -> None:
    status = judged(STAT="EXIT", EXIT_CODE="130", EXIT_REASON=reason)

    assert status == JobStatus(state, "EXIT", 130, 2, f"{reason.rstrip('.')}, exit 130")


def test_without_a_reason_the_signal_of_the_run_limit_tells() -> None:
    assert judged(STAT="EXIT", EXIT_CODE="140").state is JobState.TIMEOUT


def test_a_job_killed_before_it_started_has_no_exit_code() -> None:
    status = judged(STAT="EXIT", EXIT_CODE="", EXIT_REASON="TERM_OWNER: job killed by owner")

    assert status == JobStatus(JobState.CANCELLED, "EXIT", None, None, "TERM_OWNER: job killed by owner")


@pytest.mark.parametrize("record", [{"JOBID": "1[7]"}, {"JOBINDEX": "7"}, {"JOBID": "1[7]", "JOBINDEX": "7"}])
def test_elements_are_found_by_their_names(record: dict[str, str]) -> None:
    assert set(LSF.ask({"1": ["1[7]"]}, Answers(told({"STAT": "RUN", **record})))) == {"1[7]"}


def test_the_site_says_how_large_an_array_may_be() -> None:
    assert LSF.read_limit(captured(HERE, "bparams")) == 1000
    assert LSF.read_limit(Reply(Command(("bparams",)), 0, "")) is None


def test_what_has_ended_is_passed_over_when_it_is_cancelled() -> None:
    Cluster(LSF, Answers(captured(HERE, "bkill-finished"))).cancel(["123", "124"])


def test_another_trouble_of_bkill_is_told() -> None:
    with pytest.raises(SchedulerError, match="User permission denied"):
        Cluster(LSF, Answers(captured(HERE, "bkill-foreign"))).cancel(["123", "124"])


def test_jobs_and_elements_share_one_command() -> None:
    assert [command.words for command in LSF.cancel_commands(["12", "13[2]"])] == [("bkill", "12", "13[2]")]
    assert [command.words for command in LSF.hold_commands(["12", "13[2]"])] == [("bstop", "12", "13[2]")]
    assert [command.words for command in LSF.release_commands(["12", "13[2]"])] == [("bresume", "12", "13[2]")]
    assert LSF.requeue_command("13[2]").words == ("brequeue", "13[2]")


def test_the_output_of_an_element_is_in_the_file_that_the_script_opens(tmp_path: Path) -> None:
    odd = tmp_path / 'it\'s "50%" $HOME `x`'
    odd.mkdir()
    job = Job("t", ("/bin/echo", "hello"), tmp_path, odd, 3)
    script = render(LSF, Lsf(), job)
    subprocess.run(["bash"], input=script, env={"LSB_JOBID": "12", "LSB_JOBINDEX": "3"}, text=True, check=True)

    assert (odd / LSF.output_file("12[3]")).read_text() == "hello --name 12[3] --element 3\n"
    assert LSF.output_file("12") == "12.log"


def test_a_value_with_a_hash_is_quoted_since_a_comment_would_begin() -> None:
    assert options(reservation="ada#0") == ['-U "ada#0"']


@pytest.mark.parametrize("field", ["queue", "account", "select", "rusage", "span", "gpu", "app", "reservation"])
@pytest.mark.parametrize("text", ['a"b', "a$b", "a`b", "a\\b", "a\nb"])
def test_what_would_break_out_of_the_quotes_is_refused(field: str, text: str) -> None:
    with pytest.raises(ValidationError):
        Lsf(**{field: text})


@pytest.mark.parametrize(
    "fields",
    [
        {"gpus": 1, "gpu": "num=1"},
        {"gpus": 0},
        {"nodes": 2, "span": "ptile=2"},
        {"nodes": 2, "tasks": 3},
        {"unit": "MB", "mem_per_cpu": "2G"},
        {"mem": "1G", "mem_per_cpu": "2G"},
        {"exclusive": False},
        {"after": ["train"]},
        {"after": ["12) || done(13"]},
        {"quue": "normal"},
    ],
)
def test_what_does_not_fit_together_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Lsf(**fields)


def test_a_name_that_an_array_cannot_have_is_refused_not_changed() -> None:
    with pytest.raises(ProfileError, match="Change `name`"):
        LSF.directives(Lsf(name="my sweep"), JOB)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))
def test_each_node_gets_the_slots_of_its_tasks(nodes: int, each: int, cpus: int) -> None:
    slots, span = options(nodes=nodes, tasks=nodes * each, cpus=cpus)

    assert slots == f"-n {nodes * each * cpus}"
    assert span == ('-R "span[hosts=1]"' if nodes == 1 else f'-R "span[ptile={each * cpus}]"')


def test_memory_of_several_nodes_is_reserved_but_limits_nothing() -> None:
    assert options(nodes=2, mem="16G")[2:] == ['-R "rusage[mem=16G/host]"']
    assert options(mem="16G") == ['-R "rusage[mem=16G/host]"', "-M 16G"]


@pytest.mark.parametrize(("unit", "number"), [("KB", 1572864), ("MB", 1536), ("GB", 2)])
def test_an_lsf_that_knows_no_units_gets_numbers_in_those_of_the_site(unit: str, number: int) -> None:
    assert options(mem="1.5G", unit=unit) == [f'-R "rusage[mem={number}]"', f"-M {number}"]


@given(st.integers(1, 10**6))
def test_a_time_is_never_cut_short(seconds: int) -> None:
    [option] = options(time=timedelta(seconds=seconds))
    hours, minutes = option.removeprefix("-W ").split(":")

    assert len(minutes) == 2
    assert 0 <= (int(hours) * 60 + int(minutes)) * 60 - seconds < 60


def test_dependencies_end_the_job_when_they_cannot_come_true() -> None:
    assert options(after=["12", "13[2]"]) == ['-w "done(12) && done(13[2])" -ti']


def test_the_variables_of_the_cluster_survive_those_of_the_job_do_not() -> None:
    hidden = {
        name
        for name in ("LSF_ENVDIR", "LSF_SERVERDIR", "LSB_DEFAULTPROJECT", "LSB_JOBID", "LSB_JOBINDEX", "BSUB_QUIET")
        if any(fnmatchcase(name, pattern) for pattern in LSF.inherited)
    }
    assert hidden == {"LSB_JOBID", "LSB_JOBINDEX", "BSUB_QUIET"}


def test_names_may_be_numbers() -> None:
    assert options(account=1234, after=12) == ["-P 1234", '-w "done(12)" -ti']
