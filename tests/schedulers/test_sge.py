"""Grid Engine: what is written and read, against what Son of Grid Engine 8.1.9 answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.schedulers.cases import JOB
from tests.schedulers.replies import captured, reply
from typedxp.errors import ProfileError, SchedulerError
from typedxp.schedulers.base import Cluster, Submitted
from typedxp.schedulers.job import Job
from typedxp.schedulers.sge import SgeScheduler
from typedxp.schedulers.sge_accounting import read_accounting
from typedxp.schedulers.sge_profile import Sge
from typedxp.schedulers.shell import Command, Reply
from typedxp.vocabulary.jobs import JobState, JobStatus

HERE = "sge-8.1.9"
SGE = SgeScheduler()
NOTHING = "<?xml version='1.0'?>\n<job_info><queue_info></queue_info><job_info></job_info></job_info>\n"


class Answers:
    """A shell that answers by the beginning of the command, and remembers what it was asked."""

    def __init__(self, **answers: Reply) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, command: Command) -> Reply:
        self.asked.append(" ".join(command.words))
        return self.answers["reasons" if command.words[:2] == ("qstat", "-j") else command.words[0]]


def ended(name: str) -> JobStatus:
    """Read how the only element of a recorded accounting ended."""
    [status] = read_accounting(captured(HERE, name)).values()
    return status


# Submitting


def test_the_id_of_a_job_is_what_qsub_prints() -> None:
    assert SGE.read_submitted(captured(HERE, "qsub-one"), None) == Submitted("4", ("4",))


def test_the_elements_of_an_array_are_numbered_from_1() -> None:
    assert SGE.read_submitted(captured(HERE, "qsub-array"), 4) == Submitted("2", ("2.1", "2.2", "2.3", "2.4"))


def test_what_a_site_says_before_the_id_does_not_matter() -> None:
    assert SGE.read_submitted(reply("Thank you for choosing us.\n4\n"), None) == Submitted("4", ("4",))


@pytest.mark.parametrize("name", ["qsub-bad-directive", "qsub-unknown-queue", "qsub-bad-name", "qsub-verify"])
def test_a_refusal_quotes_what_qsub_says(name: str) -> None:
    reply = captured(HERE, name)
    with pytest.raises(SchedulerError) as refusal:
        SGE.read_submitted(reply, None)

    assert reply.err.strip() in str(refusal.value)


@pytest.mark.parametrize(("out", "count"), [("", None), ("ok\n", None), ("4.1-20:1\n", None), ("4\n", 20)])
def test_an_answer_that_makes_no_sense_is_told(out: str, count: int | None) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        SGE.read_submitted(reply(out), count)


def test_the_limit_of_an_array_is_that_of_the_configuration() -> None:
    assert SGE.read_limit(captured(HERE, "qconf-sconf")) == 75000


@pytest.mark.parametrize("out", ["max_aj_tasks   0\n", "", "denied: no\n"])
def test_no_limit_is_no_number(out: str) -> None:
    assert SGE.read_limit(reply(out)) is None


def test_the_variables_of_a_job_do_not_reach_the_next_but_the_way_to_the_cluster_does() -> None:
    kept = {"SGE_ROOT", "SGE_CELL", "SGE_QMASTER_PORT", "SGE_EXECD_PORT", "SGE_CLUSTER_NAME"}
    command = SGE.submit_command(Path("job.sh"))

    assert {"JOB_ID", "SGE_TASK_*", "PE_HOSTFILE"} <= set(command.without)
    assert not {name for name in kept for pattern in command.without if Path(name).match(pattern)}


# Where jobs stand


def test_one_question_answers_for_jobs_and_for_ranges_of_tasks() -> None:
    shell = Answers(qstat=captured(HERE, "qstat-states"), reasons=captured(HERE, "qstat-error-reasons"))
    tasks = {
        str(job): [f"{job}.{task}" for task in numbers] for job, numbers in {130: range(1, 7), 132: [1, 4, 19]}.items()
    }
    found = SGE.ask(tasks, shell)

    assert shell.asked == ["qstat -xml -u *"]
    assert [found[f"130.{task}"].native for task in range(1, 7)] == ["r", "r", "qw", "qw", "hqw", "qw"]
    assert {found[f"132.{task}"].state for task in (1, 4, 19)} == {JobState.HELD}
    assert found["130.1"].state is JobState.RUNNING
    assert found["130.3"].state is JobState.QUEUED


def test_an_error_is_failed_and_says_why() -> None:
    shell = Answers(qstat=captured(HERE, "qstat-states"), reasons=captured(HERE, "qstat-error-reasons"))
    found = SGE.ask({"131": ["131.1", "131.2"], "133": ["133"]}, shell)

    why = "error: can't chdir to /no/such/place: No such file or directory"
    assert found["131.2"] == JobStatus(JobState.FAILED, "Eqw", reason=why)
    assert found["133"] == JobStatus(JobState.FAILED, "Eqw", reason="exit_status of job start = 100")
    assert shell.asked[1:] == ["qstat -j 131,133"]


def test_what_is_not_in_the_queue_is_looked_up_by_job() -> None:
    shell = Answers(qstat=reply(NOTHING), qacct=captured(HERE, "qacct-array"))
    found = SGE.ask({"2": ["2.1", "2.2"]}, shell)

    assert found["2.1"] == JobStatus(JobState.COMPLETED, "exit_status 0", exit_code=0)
    assert (found["2.2"].state, found["2.2"].exit_code) == (JobState.FAILED, 3)
    assert shell.asked == ["qstat -xml -u *", "qacct -j 2"]


def test_what_the_queue_says_counts_more_than_an_earlier_end() -> None:
    queue = NOTHING.replace(
        "<queue_info>",
        "<queue_info><job_list><JB_job_number>2</JB_job_number><state>Rr</state><tasks>2</tasks></job_list>",
    )
    found = SGE.ask({"2": ["2.1", "2.2"]}, Answers(qstat=reply(queue), qacct=captured(HERE, "qacct-array")))

    assert [found[name].state for name in ("2.1", "2.2")] == [JobState.COMPLETED, JobState.RUNNING]


def test_a_job_that_is_forgotten_is_absent() -> None:
    assert SGE.ask({"99999": ["99999"]}, Answers(qstat=reply(NOTHING), qacct=captured(HERE, "qacct-unknown"))) == {}


def test_without_accounting_nobody_knows_how_a_job_ended() -> None:
    found = SGE.ask({"1": ["1"]}, Answers(qstat=reply(NOTHING), qacct=captured(HERE, "qacct-no-accounting")))

    assert found["1"].state is JobState.UNKNOWN
    assert "/nope: No such file or directory" in (found["1"].reason or "")


def test_without_the_command_for_the_accounting_nobody_knows_either() -> None:
    def shell(command: Command) -> Reply:
        if command.words[0] == "qacct":
            raise SchedulerError("There is no command 'qacct' on this machine.")
        return reply(NOTHING)

    assert SGE.ask({"1": ["1"]}, shell)["1"].reason == "There is no command 'qacct' on this machine."


def test_a_master_that_is_down_is_told() -> None:
    with pytest.raises(SchedulerError, match="unable to send message to qmaster"):
        SGE.ask({"1": ["1"]}, Answers(qstat=captured(HERE, "qstat-no-server")))


@pytest.mark.parametrize(
    "out", ["", "<job_info>", "<html></html>", NOTHING.replace("<job_info>", "<!DOCTYPE x><job_info>", 1)]
)
def test_garbage_instead_of_a_queue_is_told(out: str) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        SGE.ask({"1": ["1"]}, Answers(qstat=reply(out)))


@pytest.mark.parametrize(
    "out", ["", "=====\n", "==============================================================\nqname x\n"]
)
def test_garbage_instead_of_an_accounting_is_told(out: str) -> None:
    with pytest.raises(SchedulerError, match="cannot be read"):
        read_accounting(reply(out))


@pytest.mark.parametrize(
    ("native", "state"),
    [
        ("qw", JobState.QUEUED),
        ("Rq", JobState.QUEUED),
        ("hqw", JobState.HELD),
        ("hRwq", JobState.HELD),
        ("t", JobState.RUNNING),
        ("hr", JobState.RUNNING),
        ("Rr", JobState.RUNNING),
        ("dr", JobState.RUNNING),
        ("tS", JobState.RUNNING),
        ("Ehqw", JobState.FAILED),
        ("zq", JobState.UNKNOWN),
        ("", JobState.UNKNOWN),
    ],
)
def test_the_letters_of_a_state_are_read(native: str, state: JobState) -> None:
    assert SGE.state(native) is state


# How jobs end


@pytest.mark.parametrize(
    ("name", "state", "exit_code", "signal"),
    [
        ("qacct-time", JobState.TIMEOUT, None, 9),
        ("qacct-queue-time", JobState.TIMEOUT, None, 9),
        ("qacct-memory", JobState.OUT_OF_MEMORY, None, 9),
        ("qacct-memory-error", JobState.FAILED, 1, None),
        ("qacct-deleted", JobState.FAILED, None, 9),
        ("qacct-killed", JobState.FAILED, None, 9),
        ("qacct-notified", JobState.CANCELLED, None, 12),
        ("qacct-rescheduled", JobState.CANCELLED, None, None),
        ("qacct-signal", JobState.FAILED, None, 15),
        ("qacct-exit-100", JobState.FAILED, 100, None),
        ("qacct-exit-137", JobState.FAILED, 137, None),
        ("qacct-no-directory", JobState.FAILED, None, None),
    ],
)
def test_the_accounting_tells_how_a_job_ended(
    name: str, state: JobState, exit_code: int | None, signal: int | None
) -> None:
    status = ended(name)

    assert (status.state, status.exit_code, status.signal) == (state, exit_code, signal)


def test_the_evidence_is_in_one_line() -> None:
    assert ended("qacct-memory").reason == (
        "failed 37 : qmaster enforced h_rt, h_cpu, or h_vmem limit, exit_status 137 (Killed), ru_wallclock 1s, "
        "maxvmem 442.699MB"
    )


def record(**facts: object) -> Reply:
    known = {"jobnumber": 4, "taskid": "undefined", "slots": 1, "failed": 0, "exit_status": 0, **facts}
    return reply("=" * 62 + "\n" + "".join(f"{key:<13}{value}\n" for key, value in known.items()))


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"failed": "19  : before writing exit_status"}, JobState.NODE_FAILED),
        ({"failed": "26  : opening input/output file"}, JobState.FAILED),
        ({"failed": "15  : in epilog", "exit_status": 0}, JobState.COMPLETED),
        ({"failed": "new : word"}, JobState.UNKNOWN),
        ({"failed": 100, "exit_status": 143, "deleted_by": "ada@login1"}, JobState.CANCELLED),
        ({"failed": 100, "exit_status": 137, "deleted_by": "ada@login1"}, JobState.CANCELLED),
        ({"exit_status": 138, "category": "-l h_rt=99,s_rt=5", "ru_wallclock": "5s"}, JobState.TIMEOUT),
        ({"exit_status": 137, "category": "-u ada -l h_rt=60", "ru_wallclock": 60.2}, JobState.TIMEOUT),
        ({"category": "-l h_vmem=1G -pe smp 4", "slots": 4, "maxvmem": "3.9G"}, JobState.FAILED),
        ({"category": "-l h_vmem=1G -pe smp 4", "slots": 4, "maxvmem": "4.1G"}, JobState.OUT_OF_MEMORY),
        ({"failed": 37, "category": "-l h_vmem=1g", "maxvmem": "1000000000"}, JobState.OUT_OF_MEMORY),
        ({"exit_status": 139}, JobState.FAILED),
    ],
)
def test_limits_are_told_apart_from_other_ends(facts: dict[str, Any], state: JobState) -> None:
    killed = {"failed": 100, "exit_status": 137, **facts}

    assert read_accounting(record(**killed))["4"].state is state


def test_a_kill_that_may_have_been_qdel_says_so() -> None:
    assert (ended("qacct-killed").reason or "").startswith("killed by signal 9, or deleted by qdel: failed 100")


def test_the_last_execution_is_what_counts() -> None:
    again = reply(record(failed="25  : rescheduling", exit_status=99).out + record().out)

    assert read_accounting(again) == {"4": JobStatus(JobState.COMPLETED, "exit_status 0", exit_code=0)}


# Acting


def test_elements_are_cancelled_by_ranges() -> None:
    names = ["4.1", "4.2", "4.3", "4.7", "5", "6.2", "5.1"]

    assert [str(command) for command in SGE.cancel_commands(names)] == ["qdel 5 4.1-3 4.7 6.2"]


@given(st.sets(st.integers(1, 40)))
def test_ranges_name_what_they_stand_for_and_nothing_else(tasks: set[int]) -> None:
    said = [word for command in SGE.hold_commands([f"4.{task}" for task in tasks]) for word in command.words[1:]]
    spans = [word.removeprefix("4.").split("-") for word in said]

    assert {task for span in spans for task in range(int(span[0]), int(span[-1]) + 1)} == tasks


@pytest.mark.parametrize("name", ["qdel-unknown", "qdel-mixed"])
def test_what_has_ended_is_passed_over(name: str) -> None:
    Cluster(SGE, lambda _: captured(HERE, name)).cancel(["4"])


def test_what_may_not_be_deleted_is_told() -> None:
    said = 'denied: job "7" does not exist\nada - you do not have the necessary privileges to delete the job "4"\n'
    with pytest.raises(SchedulerError, match="necessary privileges"):
        Cluster(SGE, lambda _: reply(said, code=1)).cancel(["4", "7"])


def test_a_master_that_is_down_has_cancelled_nothing() -> None:
    with pytest.raises(SchedulerError, match="unable to send message to qmaster"):
        Cluster(SGE, lambda _: captured(HERE, "qstat-no-server")).cancel(["4"])


# Profiles


def written(job: Job = JOB, **fields: Any) -> list[str]:
    return SGE.directives(Sge(**fields), job)


def test_the_paper_listing_of_a_site_is_written() -> None:
    lines = written(time="2h", warn="5m", cpus=4, mem="16G", parallel_environment="smp", memory_resource="h_vmem")

    assert {"#$ -pe smp 4", "#$ -l h_rt=7200", "#$ -l s_rt=6900", "#$ -l h_vmem=4G"} <= set(lines)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"mem": "1.5G"}, "#$ -l h_vmem=1536M"),
        ({"mem_per_cpu": "1P"}, "#$ -l h_vmem=1024T"),
        ({"cpus": 1536, "mem": "1M"}, None),
        ({"cpus": 2048, "mem": "1M"}, "#$ -l h_vmem=512"),
    ],
)
def test_memory_is_spelled_exactly(fields: dict[str, Any], line: str | None) -> None:
    site: dict[str, Any] = {"memory_resource": "h_vmem", "parallel_environment": "smp"}
    if line is None:
        with pytest.raises(ProfileError, match="does not divide 1M"):
            written(**site, **fields)
    else:
        assert line in written(**site, **fields)


@pytest.mark.parametrize("field", ["account", "queue", "mail", "hold_jid"])
@pytest.mark.parametrize("text", ["two words", "it's", '"', "a#b"])
def test_a_word_that_qsub_cannot_read_is_refused(field: str, text: str) -> None:
    with pytest.raises(ProfileError, match=f"cannot express {field}"):
        written(JOB, **{field: text})


def test_nodes_without_an_environment_that_counts_slots_are_refused() -> None:
    with pytest.raises(ProfileError, match="allocation_rule is the number of slots"):
        written(nodes=2, tasks=4, parallel_environment="smp")


def test_one_node_needs_no_environment() -> None:
    assert not any("-pe" in line for line in written(nodes=1))


def test_a_name_that_nobody_asked_for_is_made_to_fit() -> None:
    names = [
        next(line for line in written(Job(name, (), Path("/w"), Path("/o"))) if "-N" in line)
        for name in ("é/1", "2nd", "all")
    ]

    assert names == ["#$ -N __1", "#$ -N _2nd", "#$ -N _all"]


@pytest.mark.parametrize("name", ["my sweep", "2nd", "NONE", "a/b", "é", "a:b", "-x"])
def test_a_name_that_qsub_refuses_is_refused_before(name: str) -> None:
    with pytest.raises(ProfileError, match="as the name of a job"):
        written(name=name)


@pytest.mark.parametrize(
    "output", ["/o/it's", "/o/$HOME", "/o/a:b", "/o/a,b", "/o/#1", "/o/é", '/o/"', "/o/a\\b", "/o/$JOB_ID", "/o/~x"]
)
def test_a_path_that_qsub_cannot_spell_is_opened_by_the_script(output: str) -> None:
    job = Job("train", ("python",), Path("/w"), Path(output), 2)

    assert "#$ -o /dev/null" in written(job)
    assert SGE.opening(job)[0].endswith('/"$JOB_ID.$SGE_TASK_ID.log" 2>&1')


def test_a_path_with_spaces_is_quoted() -> None:
    job = Job("train", ("python",), Path("/w"), Path("/my runs/jobs/7"))

    assert "#$ -o '/my runs/jobs/7/$JOB_ID.log'" in written(job)
    assert SGE.opening(job) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"resources": {"h_rt": "60"}, "time": "2h"},
        {"resources": {"h_vmem": "1G"}, "mem": "2G", "memory_resource": "h_vmem"},
        {"resources": {"a b": "1"}},
        {"resources": {"a": "1,b=2"}},
        {"resources": {"a": "it's"}},
        {"soft_resources": {"a": "1 -q other.q"}},
        {"memory_resource": "h vmem"},
        {"project": "two words"},
        {"parallel_environment": "smp 4 -q x"},
        {"time": "2h", "warn": "5m", "s_rt": "1h"},
        {"checkpoint_when": "sx"},
        {"allocation_rule": 4},
        {"priority": 2000},
        {"deadline": "tomorrow"},
        {"allocation_rule": "$other", "parallel_environment": "smp"},
        {"account": "a\n#$ -l b"},
    ],
)
def test_what_makes_no_sense_is_refused_by_the_model(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sge(**fields)
