"""What schedulers say, merged with what runs have recorded themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from typedxp.runner.following import PATIENCE, merge
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
