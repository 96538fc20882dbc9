"""Slurm: its profile, and the answers of 22.05 as they were captured."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import split
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.schedulers.cases import GOLDEN, JOB
from tests.schedulers.replies import Answers, captured, reply
from typedxp.errors import ProfileError, SchedulerError
from typedxp.schedulers.base import Cluster
from typedxp.schedulers.script import render
from typedxp.schedulers.shell import LINE, Command
from typedxp.schedulers.slurm import Slurm, SlurmScheduler
from typedxp.testing.slurm import FakeSlurm
from typedxp.testing.slurm_words import directives, read_options
from typedxp.testing.standin import Answer, Cause, FakeJob
from typedxp.vocabulary.jobs import JobState, JobStatus

SLURM = SlurmScheduler()
HERE = "slurm-22.05"


def asked(*replies, **jobs):
    return SLURM.ask({job.removeprefix("j"): names.split() for job, names in jobs.items()}, Answers(*replies))


@pytest.fixture(scope="module")
def many() -> dict[str, JobStatus]:
    """What became of the jobs of one captured answer."""
    answer = captured(HERE, "squeue-many")
    names = [line.partition("|")[0] for line in answer.out.splitlines()]
    jobs = {}
    for name in names:
        jobs.setdefault(name.partition("_")[0], []).append(name)
    # What was killed is asked of again; nobody answers.
    return SLURM.ask(jobs, Answers(answer, reply(code=1)))


# Answers


@pytest.mark.parametrize(
    ("name", "state", "code", "signal", "reason"),
    [
        ("100", JobState.COMPLETED, 0, None, None),
        ("101_3", JobState.FAILED, 3, None, "FAILED, exit 3:0"),
        ("102", JobState.FAILED, None, 9, "FAILED, JobLaunchFailure, exit 0:9"),
        ("103", JobState.HELD, None, None, "JobHeldUser"),
        ("104", JobState.CANCELLED, None, None, "CANCELLED, exit 0:0"),
        ("106", JobState.QUEUED, None, None, "DependencyNeverSatisfied, it can never start like this"),
        ("107", JobState.CANCELLED, None, None, "CANCELLED, DependencyNeverSatisfied, exit 0:0"),
        ("108", JobState.QUEUED, None, None, "PartitionTimeLimit, it can never start like this"),
        ("109", JobState.QUEUED, None, None, "PartitionConfig, it can never start like this"),
        # 53 is no signal: the directory of the output was not there.
        ("110", JobState.FAILED, None, None, "FAILED, JobLaunchFailure, exit 0:53"),
        ("113", JobState.TIMEOUT, None, 15, "TIMEOUT, TimeLimit, exit 0:15"),
        ("114", JobState.QUEUED, None, None, "BeginTime"),
        ("115", JobState.RUNNING, None, None, "restarted 1 time"),
        ("116", JobState.CANCELLED, None, 15, "CANCELLED, exit 0:15"),
    ],
)
def test_squeue_tells_where_jobs_stand(many, name, state, code, signal, reason) -> None:
    found = many[name]

    assert (found.state, found.exit_code, found.signal, found.reason) == (state, code, signal, reason)


def test_sacct_is_asked_of_what_squeue_has_forgotten() -> None:
    shell = Answers(captured(HERE, "squeue-one-unknown"), captured(HERE, "sacct-many"))
    found = SLURM.ask({"104": ["104"], "101": ["101_0", "101_3"], "113": ["113"]}, shell)

    assert {name: (status.state, status.exit_code) for name, status in found.items()} == {
        "101_0": (JobState.COMPLETED, 0),
        "101_3": (JobState.FAILED, 3),
        "104": (JobState.CANCELLED, None),
        "113": (JobState.TIMEOUT, None),
    }
    assert found["104"].native == "CANCELLED by 0"
    assert [words[0] for words in shell.asked] == ["squeue", "sacct"]


def test_elements_that_never_came_to_have_a_row_of_their_own_share_one() -> None:
    whole = asked(reply("7|CANCELLED|0|0|JobHeldUser|\n"), j7="7_0 7_1")
    rest = asked(reply(), reply("7_1|COMPLETED|0:0\n7_[0,2-999]|CANCELLED by 0|0:0\n"), j7="7_0 7_1 7_2")

    assert [status.state for status in whole.values()] == [JobState.CANCELLED] * 2
    assert [status.state for status in rest.values()] == [JobState.CANCELLED, JobState.COMPLETED, JobState.CANCELLED]


def test_what_squeue_knows_is_not_asked_again() -> None:
    shell = Answers(captured(HERE, "squeue-many"))

    assert SLURM.ask({"100": ["100"], "101": ["101_0"]}, shell).keys() == {"100", "101_0"}
    assert len(shell.asked) == 1


def test_jobs_that_nobody_knows_are_absent() -> None:
    assert asked(captured(HERE, "squeue-one-unknown"), captured(HERE, "sacct-unknown"), j999999="999999") == {}
    known = asked(captured(HERE, "squeue-unknown-among"), captured(HERE, "sacct-unknown"), j100="100", j999999="999999")
    assert set(known) == {"100"}


def test_without_accounting_jobs_are_forgotten() -> None:
    disabled = captured("slurm-22.05-no-accounting", "sacct")

    assert asked(captured(HERE, "squeue-one-unknown"), disabled, j999999="999999") == {}


def test_jobs_are_not_absent_while_the_accounts_do_not_answer() -> None:
    down = reply(err="sacct: error: Problem talking to the database: Connection refused\n", code=1)
    found = asked(captured(HERE, "squeue-one-unknown"), down, j7="7_0 7_1")

    assert {status.state for status in found.values()} == {JobState.UNKNOWN}
    assert found["7_1"].reason == "sacct says: sacct: error: Problem talking to the database: Connection refused"


def test_a_job_that_only_the_accounts_believe_to_run_is_unknown() -> None:
    found = asked(captured(HERE, "squeue-one-unknown"), reply("7|RUNNING|0:0\n"), j7="7")

    assert (found["7"].state, found["7"].native) == (JobState.UNKNOWN, "RUNNING")


@pytest.mark.parametrize(
    ("native", "state"),
    [
        ("NODE_FAIL", JobState.NODE_FAILED),
        ("OUT_OF_MEMORY", JobState.OUT_OF_MEMORY),
        ("PREEMPTED", JobState.PREEMPTED),
        ("DEADLINE", JobState.TIMEOUT),
        ("COMPLETING", JobState.RUNNING),
        ("A_WORD_OF_THE_FUTURE", JobState.UNKNOWN),
    ],
)
def test_words_for_states_are_translated_and_kept(native, state) -> None:
    found = asked(reply(f"7|{native}|0|0|None|\n"), j7="7")["7"]

    assert (found.state, found.native) == (state, native)


@pytest.mark.parametrize("reason", ["JobHeldAdmin", "BeginTime,JobHeldAdmin", "launch failed requeued held"])
def test_what_is_held_for_whatever_reason_is_held(reason) -> None:
    found = asked(reply(f"7|PENDING|0|3|{reason}|\n"), j7="7")["7"]

    assert (found.state, found.reason) == (JobState.HELD, f"{reason}, restarted 3 times")


def test_a_killed_job_that_used_more_memory_than_it_might_is_out_of_memory() -> None:
    accounts = reply("7_0|FAILED||100M\n7_0.batch|CANCELLED by 0|422964K|\n7_1|FAILED||100M\n7_1.batch|FAILED|9K|\n")
    found = asked(reply("7_0|FAILED|9|0|None|\n7_1|FAILED|9|0|None|\n"), accounts, j7="7_0 7_1")

    assert found["7_0"].state is JobState.OUT_OF_MEMORY
    assert found["7_0"].reason == "FAILED, exit 0:9, used 422964K of 100M"
    assert found["7_1"].state is JobState.FAILED


def test_accounts_that_come_late_are_waited_for() -> None:
    late = reply("7|PENDING||16?\n7.batch|RUNNING||\n")
    accounts = reply("7|FAILED||100M\n7.batch|CANCELLED by 0|422964K|\n")
    found = asked(reply("7|FAILED|9|0|None|\n"), late, accounts, j7="7")

    assert found["7"].state is JobState.OUT_OF_MEMORY


def test_the_step_that_used_most_memory_counts() -> None:
    steps = "7.batch|CANCELLED by 0|422964K|\n7.extern|COMPLETED|9K|\n7.0|COMPLETED||\n"
    found = asked(reply("7|FAILED|9|0|None|\n"), reply(f"7|FAILED||100M\n{steps}"), j7="7")

    assert found["7"].reason == "FAILED, exit 0:9, used 422964K of 100M"


def test_a_step_that_has_not_ended_is_waited_for() -> None:
    late = reply("7|FAILED||100M\n7.batch|RUNNING||\n7.extern|COMPLETED|9K|\n")
    accounts = reply("7|FAILED||100M\n7.batch|CANCELLED by 0|422964K|\n7.extern|COMPLETED|9K|\n")

    assert asked(reply("7|FAILED|9|0|None|\n"), late, accounts, j7="7")["7"].state is JobState.OUT_OF_MEMORY


@pytest.mark.parametrize("most", ["0", "", "100Mc"])
def test_nothing_is_waited_for_where_no_memory_was_asked_for(most) -> None:
    accounts = reply(f"7|FAILED||{most}\n7.batch|CANCELLED by 0|422964K|\n")

    assert asked(reply("7|FAILED|9|0|None|\n"), accounts, j7="7")["7"].state is JobState.FAILED


def test_a_reason_may_be_empty() -> None:
    assert asked(reply("7|RUNNING|0|0||\n"), j7="7")["7"] == JobStatus(JobState.RUNNING, "RUNNING")


@pytest.mark.parametrize(
    "out", ["<html>", "7|PENDING\n", "7|PENDING|x|0|None|\n", "7|PENDING|²|0|None|\n", "slurm_load_jobs\n\n"]
)
def test_garbage_is_quoted(out) -> None:
    with pytest.raises(SchedulerError, match="cannot be read") as error:
        asked(reply(out), j7="7")
    assert out.strip() in str(error.value)


def test_garbage_of_the_accounts_is_quoted() -> None:
    with pytest.raises(SchedulerError, match="nonsense"):
        asked(reply(), reply("nonsense\n"), j7="7")


def test_a_controller_that_does_not_answer_is_an_error() -> None:
    down = reply(err="slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", code=1)

    with pytest.raises(SchedulerError, match="Unable to contact slurm controller"):
        asked(down, j7="7")


def test_a_thousand_elements_are_one_question() -> None:
    rows = "".join(f"7_{index}|RUNNING|0|0|None|\n" for index in range(1000))
    shell = Answers(reply(rows))

    assert len(SLURM.ask({"7": [f"7_{index}" for index in range(1000)]}, shell)) == 1000
    assert shell.asked[0][-2:] == ("-j", "7")


# Submission


def test_submissions_are_read() -> None:
    assert SLURM.read_submitted(reply("22\n"), None).elements == ("22",)
    assert SLURM.read_submitted(reply("22;east\n"), 2).elements == ("22_0", "22_1")


@pytest.mark.parametrize("name", ["sbatch-bad-directive", "sbatch-bad-partition", "sbatch-array-too-big"])
def test_refusals_are_quoted(name) -> None:
    answer = captured(HERE, name)

    with pytest.raises(SchedulerError) as error:
        SLURM.read_submitted(answer, 3)
    assert answer.err.strip() in str(error.value)


def test_a_submission_that_answers_nonsense_is_an_error() -> None:
    with pytest.raises(SchedulerError, match="welcome to our cluster"):
        SLURM.read_submitted(reply("welcome to our cluster\n22\n"), None)


def test_the_limit_of_an_array_is_read() -> None:
    assert SLURM.read_limit(captured(HERE, "scontrol-config")) == 10_001
    assert SLURM.read_limit(reply("nothing")) is None


@pytest.mark.parametrize("variable", ["SLURM_JOB_ID", "SLURM_CPUS_PER_TASK", "SLURM_CONTAINER", "SBATCH_TIMELIMIT"])
def test_what_a_job_has_does_not_reach_the_next(variable) -> None:
    assert any(fnmatchcase(variable, pattern) for pattern in SLURM.inherited)


def test_the_way_to_the_cluster_does() -> None:
    assert not any(fnmatchcase("SLURM_CONF", pattern) for pattern in SLURM.inherited)


# What is waited for


def after(*names, replies):
    shell = Answers(*replies)
    SLURM.check_after(names, shell)
    return shell.asked


def test_jobs_that_slurm_knows_are_waited_for_without_another_question() -> None:
    known = reply("7|PENDING|0|0|None|\n8_0|FAILED|256|0|NonZeroExitCode|\n9_3|RUNNING|0|0|None|\n")

    [words] = after("7", "8", "9_3", "9_3+5", replies=[known])
    assert words[-2:] == ("-j", "7,8,9_3")


def test_jobs_that_slurm_has_forgotten_must_have_succeeded() -> None:
    succeeded = reply("7_0|COMPLETED|0:0\n7_1|COMPLETED|0:0\n8_2|COMPLETED|0:0\n")

    asked = after("7", "8_2", replies=[reply(), succeeded])
    assert [(words[0], words[-1]) for words in asked] == [("squeue", "7,8_2"), ("sacct", "7,8_2")]


@pytest.mark.parametrize(
    ("accounts", "said"),
    [
        (reply(), "succeeded. Check the ids"),
        (reply("7_0|COMPLETED|0:0\n7_1|FAILED|1:0\n"), "(FAILED, exit 1:0)"),
        (reply("7_0|COMPLETED|0:0\n7_[1-9]|CANCELLED by 0|0:0\n"), "(CANCELLED by 0, exit 0:0)"),
        (captured("slurm-22.05-no-accounting", "sacct"), "succeeded. Check the ids"),
        (reply(err="sacct: error: Connection refused\n", code=1), "(sacct says: sacct: error: Connection refused)"),
    ],
)
def test_nothing_comes_after_what_is_not_known_to_have_succeeded(accounts, said) -> None:
    with pytest.raises(SchedulerError) as error:
        after("7", replies=[captured(HERE, "squeue-one-unknown"), accounts])

    assert str(error.value).startswith("slurm has forgotten 7, and would start the job at once")
    assert said in str(error.value)


def test_an_element_that_the_array_has_not_is_not_known() -> None:
    with pytest.raises(SchedulerError, match="forgotten 7_12"):
        after("7_12", replies=[reply(), reply("7_0|COMPLETED|0:0\n7_[1-9]|CANCELLED by 0|0:0\n")])


# Acts


def test_elements_are_named_by_ranges() -> None:
    names = ["7_3", "7_0", "7_1", "7_2", "9", "8_5", "7_9"]

    assert SLURM.cancel_commands(names) == [Command(("scancel", "7_[0-3,9]", "9", "8_[5]"))]
    assert SLURM.cancel_commands(["7_1", "7"]) == [Command(("scancel", "7"))]


@given(st.sets(st.integers(0, 5000), min_size=1))
def test_ranges_name_the_same_elements(indices) -> None:
    [command] = SLURM.cancel_commands([f"7_{index}" for index in indices])
    with FakeSlurm() as slurm:
        slurm.max_array = 5001
        job = slurm.enqueue(_held(sorted(indices)))
        slurm(Command(("scancel", command.words[1].replace("7_", f"{job.number}_"))))

        assert {element.index for element in job.elements if element.cause is Cause.CANCELLED} == indices


def _held(indices):
    return FakeJob("#!/bin/bash\n", "x", Path(), lambda _: Path(), lambda _: {}, indices, held=True)


@pytest.mark.parametrize("name", ["scontrol-hold-ended", "scontrol-release-ended", "scontrol-hold-ended-alone"])
def test_what_has_ended_is_neither_held_nor_released(name) -> None:
    assert SLURM.gone(captured(HERE, name))


@pytest.mark.parametrize("said", ["", "7_0: Job has already finished\n7_1: Access/permission denied\n"])
def test_other_trouble_is_trouble(said) -> None:
    assert not SLURM.gone(reply(err=said, code=1))


def test_command_lines_do_not_get_too_long() -> None:
    commands = SLURM.cancel_commands([str(number) for number in range(1_000_000, 1_050_000)])

    assert len(commands) > 1
    assert max(len(str(command)) for command in commands) < LINE + 20


# The profile


@pytest.mark.parametrize(
    "fields",
    [
        {"gpus": 1, "gres": "gpu:1"},
        {"gpus_per_node": "1", "gpus_per_task": "1"},
        {"mem": "1G", "mem_per_gpu": "1G"},
        {"cpus": 2, "cpus_per_gpu": 2},
        {"queue": "a", "partition": "b"},
        {"time": "1h", "warn": "1m", "signal": "USR1@60"},
        {"after": "12", "dependency": "singleton"},
        {"exclusive": True, "oversubscribe": True},
        {"mail": "a@b", "mail_on": ["end"], "mail_type": "END"},
        {"hint": "nomultithread", "threads_per_core": 1},
    ],
)
def test_what_excludes_each_other_is_refused(fields) -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        Slurm(**fields)


@pytest.mark.parametrize("field", ["time_min", "mail_type"])
def test_what_says_nothing_alone_is_refused(field) -> None:
    with pytest.raises(ValidationError, match="says nothing without"):
        Slurm(**{field: "1h"})


@pytest.mark.parametrize(
    "value", ["plain", "two words", "a#b", "it's", 'say "x"', "back\\slash", "$HOME;`x`", "n[1-3]"]
)
def test_values_reach_sbatch_as_they_are(value) -> None:
    [line] = Slurm(comment=value).options(JOB)

    assert split(line, comments=True) == [f"--comment={value}"]


def test_a_percent_in_a_directory_is_no_placeholder() -> None:
    job = replace(JOB, output=Path("/data/100%/7"))

    assert "--output=/data/100%%/7/%j.log" in render(SLURM, Slurm(), job)


def test_a_directory_with_a_backslash_is_refused() -> None:
    with pytest.raises(ProfileError, match="backslash"):
        render(SLURM, Slurm(), replace(JOB, output=Path("/data/a\\b")))


def test_a_flag_that_is_false_is_not_written() -> None:
    assert Slurm(exclusive=False, hold=False).options(JOB) == []


# The original


@pytest.mark.real("slurm")
@pytest.mark.parametrize(
    "path", sorted({*GOLDEN.glob("slurm/*.sh")} - {GOLDEN / "slurm" / "directives.sh"}), ids=lambda path: path.stem
)
def test_sbatch_knows_every_option(path) -> None:
    done = subprocess.run(["sbatch", "--test-only", path], capture_output=True, text=True, check=False)

    # A site may have other partitions and nodes; but there must be such options.
    assert done.returncode in (0, 1), done.stderr
    assert "unrecognized option" not in done.stderr


@pytest.mark.real("slurm")
def test_sbatch_reads_values_as_they_are(tmp_path) -> None:
    value = 'it\'s a 100% "$HOME"; [a,b] `c` \\d & #1'
    script = tmp_path / "job.sh"
    script.write_text(render(SLURM, Slurm(comment=value, hold=True), replace(JOB, output=tmp_path)))
    [job] = subprocess.run(["sbatch", "--parsable", script], capture_output=True, text=True, check=True).stdout.split()

    shown = subprocess.run(["scontrol", "show", "job", job], capture_output=True, text=True, check=True).stdout
    subprocess.run(["scancel", job], check=True)
    assert f"Comment={value} \n" in shown


# The stand-in


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with FakeSlurm(slots=2, partitions=["main"]) as fake:
        yield SimpleNamespace(fake=fake, cluster=Cluster(SLURM, fake), path=tmp_path)


def submit(slurm, body, count=None, **fields):
    (slurm.path / "program").write_text(body)
    job = replace(JOB, directory=slurm.path, output=slurm.path, command=("/bin/bash", "program"), count=count)
    script = slurm.path / "job.sh"
    script.write_text(render(SLURM, Slurm(**fields), job))
    return slurm.cluster.submit(script, count)


@pytest.mark.parametrize(
    "path", sorted({*GOLDEN.glob("slurm/*.sh")} - {GOLDEN / "slurm" / "directives.sh"}), ids=lambda path: path.stem
)
def test_the_stand_in_knows_every_option(path) -> None:
    options, rest = read_options(list(directives(path.read_text())))

    assert options.keys() >= {"job-name", "output"}
    assert rest == []


def test_the_stand_in_refuses_in_the_words_of_the_original(slurm) -> None:
    for fields, name in [({"partition": "nowhere"}, "sbatch-bad-partition"), ({}, "sbatch-array-too-big")]:
        with pytest.raises(SchedulerError) as error:
            submit(slurm, "exit 0", 5000 if name == "sbatch-array-too-big" else None, **fields)
        assert captured(HERE, name).err.strip() in str(error.value)


def test_the_stand_in_forgets_what_the_accounts_remember(slurm) -> None:
    job = submit(slurm, "exit 3", 2)
    slurm.fake.drain()
    slurm.fake.forget()
    found = slurm.cluster.statuses({job.job: job.elements})

    assert [found[name].exit_code for name in job.elements] == [3, 3]


def test_the_stand_in_forgets_for_ever_without_accounting(slurm) -> None:
    job = submit(slurm, "exit 3")
    slurm.fake.drain()
    slurm.fake.forget()
    slurm.fake.accounting = False

    assert slurm.cluster.statuses({job.job: job.elements}) == {}


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        (Cause.NODE_FAILED, JobState.NODE_FAILED),
        (Cause.OUT_OF_MEMORY, JobState.OUT_OF_MEMORY),
        (Cause.PREEMPTED, JobState.PREEMPTED),
    ],
)
def test_the_stand_in_can_be_struck(slurm, cause, state) -> None:
    job = submit(slurm, "exec sleep 600")
    slurm.fake.strike(slurm.fake.jobs[job.job].elements[0], cause)
    slurm.fake.drain()

    assert slurm.cluster.statuses({job.job: job.elements})[job.job].state is state


def test_the_stand_in_can_break_and_be_mended(slurm) -> None:
    job = submit(slurm, "exit 0")
    slurm.fake.drain()
    slurm.fake.breaks("squeue", Answer(err="slurm_load_jobs error: Unable to contact slurm controller\n", code=1))
    with pytest.raises(SchedulerError, match="Unable to contact"):
        slurm.cluster.statuses({job.job: job.elements})

    slurm.fake.mend()
    assert slurm.cluster.statuses({job.job: job.elements})[job.job].state is JobState.COMPLETED
