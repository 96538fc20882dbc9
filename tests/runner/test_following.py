"""What schedulers say, merged with what runs have recorded themselves."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.errors import SchedulerError
from typedxp.runner.acting import cancel
from typedxp.runner.following import FORGOTTEN, PATIENCE, follow, merge
from typedxp.runner.printed import job_output
from typedxp.schedulers import Sge
from typedxp.schedulers.shell import Reply
from typedxp.store.directory import RunDirectory
from typedxp.store.jobs import jobs
from typedxp.testing.sge import FakeSge
from typedxp.testing.slurm import FakeSlurm
from typedxp.testing.standin import Cause
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.jobs import Element, JobRecord, JobState, JobStatus
from typedxp.vocabulary.records import RunStatus, Status

JOB = JobRecord(
    id=1,
    scheduler="slurm",
    profile={},
    name="train",
    directory="/project",
    python="/usr/bin/python",
    elements=(Element((1,), "7"),),
    array=False,
    first=0,
    created="2026-01-01T00:00:00.000+00:00",
    job="7",
    submitted="2026-01-01T00:00:01.000+00:00",
)

SUBMITTED = Status(RunStatus.SUBMITTED)
RUNNING = Status(RunStatus.RUNNING, attempt=1, job="7")
TERMINATED = Status(RunStatus.CANCELLED, attempt=1, job="7", signal=15, cause="stopped by SIGTERM", end="then")


def found(state, native="WORD", **facts):
    return JobStatus(state, native, **facts)


@given(
    st.sampled_from(RunStatus),
    st.sampled_from(JobState),
    st.floats(0, 1e6),
    st.booleans(),
)
def test_what_has_not_said_so_itself_is_never_called_completed(status, state, age, known):
    before = Status(status, attempt=1, job="7")

    after = merge(before, JOB, found(state) if known else None, age)

    assert (after.status is RunStatus.COMPLETED) == (status is RunStatus.COMPLETED)


def test_a_run_that_completed_stays_so_whatever_the_scheduler_says():
    done = Status(RunStatus.COMPLETED, attempt=1, job="7")

    assert merge(done, JOB, found(JobState.TIMEOUT), 0) == done


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (JobState.TIMEOUT, RunStatus.TIMEOUT),
        (JobState.OUT_OF_MEMORY, RunStatus.OUT_OF_MEMORY),
        (JobState.PREEMPTED, RunStatus.PREEMPTED),
        (JobState.CANCELLED, RunStatus.CANCELLED),
        (JobState.NODE_FAILED, RunStatus.LOST),
    ],
)
@pytest.mark.parametrize("before", [SUBMITTED, RUNNING, TERMINATED])
def test_what_the_scheduler_ended_gets_its_word_and_the_evidence(before, state, word):
    after = merge(before, JOB, found(state, "NATIVE", reason="why it did"), 1)

    assert (after.status, after.job_state) == (word, "NATIVE")
    assert after.cause.startswith("slurm job 7 has ended: NATIVE (why it did)")
    assert (before.cause or "") in after.cause
    assert after.end is not None


def test_a_run_whose_job_failed_without_its_saying_so_failed_with_the_exit_code_of_the_job():
    after = merge(RUNNING, JOB, found(JobState.FAILED, "FAILED", exit_code=3), 1)

    assert (after.status, after.exit_code) == (RunStatus.FAILED, 3)
    assert after.cause == "slurm job 7 has ended: FAILED, and the run did not say how it ended"


def test_a_run_whose_job_ended_well_without_its_saying_so_is_lost():
    assert merge(RUNNING, JOB, found(JobState.COMPLETED, "COMPLETED"), 1).status is RunStatus.LOST


def test_a_run_that_failed_by_itself_keeps_its_own_words():
    failed = replace(RUNNING, status=RunStatus.FAILED, cause="ValueError: x", exit_code=1, signal=15)

    after = merge(failed, JOB, found(JobState.FAILED, "FAILED", exit_code=1), 1)

    assert after == replace(failed, job_state="FAILED")


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.HELD])
@pytest.mark.parametrize("before", [RUNNING, TERMINATED])
def test_what_is_in_the_queue_again_is_submitted(before, state):
    assert merge(before, JOB, found(state), 1).status is RunStatus.SUBMITTED


@pytest.mark.parametrize("before", [SUBMITTED, RUNNING, TERMINATED])
def test_a_word_that_nobody_knows_changes_nothing(before):
    assert merge(before, JOB, found(JobState.UNKNOWN, "NEW_WORD"), 1e9) == before


def test_what_never_started_and_is_forgotten_is_lost_after_some_patience():
    assert merge(SUBMITTED, JOB, None, PATIENCE / 2) == SUBMITTED
    assert merge(SUBMITTED, JOB, None, PATIENCE * 2).status is RunStatus.LOST


def test_what_never_started_is_told_apart_from_what_fell_silent():
    after = merge(SUBMITTED, JOB, found(JobState.FAILED, "FAILED", exit_code=127), 1)

    assert after.cause == "slurm job 7 has ended: FAILED, and the run never started"


def test_all_jobs_are_asked_about_at_once(launch, busy, store, look):
    launch(busy, 3)
    launch(busy, 2)
    busy.commands.clear()

    look(busy)

    assert [command[0] for command in busy.commands] == ["squeue"]


def test_what_has_ended_is_written_down_and_not_asked_about_again(launch, busy, store, look):
    launch(busy, 2)
    for element in busy.elements():
        busy.strike(element, Cause.NODE_FAILED)

    assert {str(one.status.status) for one in look(busy).values()} == {"lost"}
    assert "NODE_FAIL" in store.run(1).read_status().cause
    busy.commands.clear()
    look(busy)
    assert busy.commands == []


def test_of_a_scheduler_that_does_not_answer_nothing_is_concluded(launch, busy, store):
    launch(busy, 2)
    busy.breaks("squeue", SchedulerError("`squeue` did not answer within 60 seconds."))
    warnings = []

    standings = follow(store, store.runs(), warnings.append, busy)

    assert {str(one.status.status) for one in standings} == {"submitted"}
    assert warnings == ["slurm cannot be asked: `squeue` did not answer within 60 seconds."]


def test_an_answer_that_makes_no_sense_is_told_and_nothing_is_concluded_from_it(launch, busy, store):
    launch(busy, 1)
    warnings = []

    [standing] = follow(store, store.runs(), warnings.append, lambda command: Reply(command, 0, "<html>504</html>"))

    assert standing.status.status == "submitted"
    assert "cannot be read" in warnings[0]


def test_runs_of_others_are_shown_as_they_stand_though_that_cannot_be_written(launch, busy, store, monkeypatch):
    launch(busy, 3)
    for element in busy.elements():
        busy.strike(element, Cause.TIMEOUT)

    def refuse(self, status):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(RunDirectory, "write_status", refuse)
    warnings = []

    standings = follow(store, store.runs(), warnings.append, busy)

    assert {str(one.status.status) for one in standings} == {"timeout"}
    [warning] = warnings
    assert "Permission denied" in warning
    assert warning.endswith("(and 2 more)")


def test_the_record_of_a_job_that_is_damaged_hides_only_that_job(launch, busy, store):
    launch(busy, 1)
    launch(busy, 1)
    first = next(iter(jobs(store)))
    (first.path / "job.json").write_text('{"format": 1, "elements": 3}')
    warnings = []

    one, two = follow(store, store.runs(), warnings.append, busy)

    assert (one.job, two.found.native) == (None, "PENDING")
    assert len(warnings) == 1
    assert "jobs/1/job.json is damaged" in warnings[0]


def test_a_run_without_a_sign_of_life_that_the_scheduler_has_no_word_for_is_lost(launch, busy, store):
    launch(busy, 1)
    running = Status(RunStatus.RUNNING, attempt=1, job="1", host="elsewhere", pid=1, start="2026-01-01T00:00:00+00:00")
    store.run(1).write_status(running)
    os.utime(store.run(1).status_file, (0, 0))
    sacct = "sacct: error: no connection"
    shell = lambda command: Reply(command, 1, "", "Invalid job id" if command.words[0] == "squeue" else sacct)  # noqa: E731

    [standing] = follow(store, store.runs(), print, shell)

    assert standing.status.status == "lost"
    assert "no sign of life" in standing.status.cause


@pytest.mark.parametrize(
    ("sign", "end"),
    [(1767229200, "2026-01-01T01:00:00.000+00:00"), (0, "2026-01-01T00:00:00+00:00")],
)
def test_a_run_that_was_killed_ended_when_it_gave_its_last_sign_of_life(launch, busy, store, sign, end):
    launch(busy, 1)
    store.run(1).write_status(Status(RunStatus.RUNNING, attempt=1, job="1", start="2026-01-01T00:00:00+00:00"))
    os.utime(store.run(1).status_file, (sign, sign))
    said = {"squeue": "1|TIMEOUT|0|15|None|\n"}
    shell = lambda command: Reply(command, command.words[0] not in said, said.get(command.words[0], ""))  # noqa: E731

    [standing] = follow(store, store.runs(), print, shell)

    assert (standing.status.status, standing.status.end) == ("timeout", end)


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (Status(RunStatus.SUBMITTED), "1, and the run never started; see: typedxp logs 1 --job"),
        (Status(RunStatus.RUNNING, attempt=1, job="1"), "1, and the run did not say how it ended"),
    ],
)
def test_of_a_run_that_never_started_the_output_of_the_job_tells_more(launch, busy, store, status, end):
    launch(busy, 1)
    store.run(1).write_status(status)
    said = {"squeue": "1|FAILED|1|0|None|\n"}
    shell = lambda command: Reply(command, command.words[0] not in said, said.get(command.words[0], ""))  # noqa: E731

    [standing] = follow(store, store.runs(), print, shell)

    assert standing.status.status == "failed"
    assert standing.status.cause.endswith(end), standing.status.cause


def test_a_run_that_never_started_ends_when_that_is_found_out(launch, busy, store):
    launch(busy, 1)
    os.utime(store.run(1).status_file, (0, 0))
    said = {"squeue": "1|CANCELLED|0|0|None|\n"}
    shell = lambda command: Reply(command, command.words[0] not in said, said.get(command.words[0], ""))  # noqa: E731
    before = now()

    [standing] = follow(store, store.runs(), print, shell)

    assert standing.status.end >= before


def test_what_was_cancelled_is_cancelled_however_its_scheduler_spells_that(launch, busy, store):
    launch(busy, 1)
    running = Status(RunStatus.RUNNING, attempt=1, job="1", start="2026-01-01T00:00:00+00:00")
    store.run(1).write_status(running)
    next(iter(jobs(store))).withdraw([1])
    said = {"squeue": "1|FAILED|9|0|None|\n"}
    shell = lambda command: Reply(command, command.words[0] not in said, said.get(command.words[0], ""))  # noqa: E731

    [standing] = follow(store, store.runs(), print, shell)

    assert standing.status.status == "cancelled"
    assert standing.status.cause.startswith("cancelled. slurm job 1 has ended: FAILED")


def test_a_running_run_that_typedxp_cancels_is_cancelled_though_grid_engine_cannot_tell(work, store):
    with FakeSge(slots=0) as sge:
        work.sweep({"seed": [0]}, profile=Sge(), xp={"snapshot": "off"}, shell=sge)
        [record] = [directory.read() for directory in jobs(store)]
        store.run(1).write_status(replace(RUNNING, job=record.job, start=now(), host=os.uname().nodename))
        cancel(follow(store, store.runs(), print, sge), sge)
    block = f"{'=' * 62}\njobnumber {record.job}\ntaskid undefined\nfailed 100\nexit_status 137\n"
    said = {"qstat": "<job_info/>", "qacct": block}
    shell = lambda command: Reply(command, 0, said[command.words[0]])  # noqa: E731

    [standing] = follow(store, store.runs(), print, shell)

    assert standing.status.status == "cancelled"
    assert "killed by signal 9, or deleted by qdel" in standing.status.cause


def test_what_the_scheduler_has_forgotten_is_not_asked_about_for_ever(launch, busy, store, look):
    launch(busy, 1)
    ended = Status(RunStatus.CANCELLED, attempt=1, job="1", signal=15, end="2026-01-01T00:00:00+00:00")
    store.run(1).write_status(ended)
    busy.jobs.clear()
    busy._accounts.clear()

    assert look(busy)[1].status == replace(ended, job_state=FORGOTTEN)
    busy.commands.clear()
    look(busy)
    assert busy.commands == []


def test_the_output_of_a_job_that_got_another_name_is_found(launch, busy, store):
    launch(busy, 1)
    [record] = [directory.read() for directory in jobs(store)]
    place = store.root / "jobs" / "1"
    (place / "1.log").write_text("first")
    (place / "9.log").write_text("second")

    assert job_output(store.run(1), record, ["9", "1"]) == place / "9.log"
    assert job_output(store.run(1), record, ["8", "1"]) == place / "1.log"
    assert job_output(store.run(1), record, []) is None


def test_a_thousand_runs_are_followed_by_one_question_in_two_seconds(launch, store, look):
    with FakeSlurm(slots=0) as slurm:
        for _ in range(3):
            launch(slurm, 334)
        slurm.commands.clear()
        start = time.perf_counter()

        found = look(slurm)

        assert len(found) == 1002
        assert time.perf_counter() - start < 2
        assert [command[0] for command in slurm.commands] == ["squeue"]
