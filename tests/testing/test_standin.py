"""The engine of stand-in clusters."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest

from typedxp.errors import SchedulerError
from typedxp.schedulers.shell import Command
from typedxp.testing.standin import Answer, Cause, FakeJob, Phase, Refused, StandIn


class Plain(StandIn):
    """A scheduler of few words."""

    @property
    def programs(self):
        return {"look": self.look, "refuse": self.refuse, "read": lambda words: Answer(words[-1])}

    def look(self, words):
        return Answer(" ".join(element.phase for element in self.elements()))

    def refuse(self, words):
        raise Refused(3, "I would rather not\n")


@pytest.fixture
def plain():
    with Plain(slots=2) as standin:
        yield standin


def job(tmp_path, body, **fields):
    def output(element):
        return tmp_path / f"{element.job.number}.{element.index}.log"

    return FakeJob(f"#!/bin/bash\n{body}\n", "name", tmp_path, output, lambda e: {"INDEX": str(e.index)}, **fields)


def test_jobs_are_really_executed(plain, tmp_path) -> None:
    jobs = [plain.enqueue(job(tmp_path, f"echo $INDEX; exit {code}")) for code in (0, 3)]
    plain.drain()

    assert [(each.elements[0].code, each.elements[0].succeeded) for each in jobs] == [(0, True), (3, False)]
    assert (tmp_path / f"{jobs[0].number}.None.log").read_text() == "None\n"


def test_no_more_run_than_there_are_slots(plain, tmp_path) -> None:
    plain.enqueue(job(tmp_path, "sleep 600", indices=range(3)))

    assert plain(Command(("look",))).out == "running running queued"


def test_no_more_run_than_the_throttle_allows(plain, tmp_path) -> None:
    plain.enqueue(job(tmp_path, "sleep 600", indices=range(3), throttle=1))

    assert plain(Command(("look",))).out == "running queued queued"


def test_what_is_held_waits(plain, tmp_path) -> None:
    [element] = plain.enqueue(job(tmp_path, "exit 0", held=True)).elements
    plain.drain()
    assert element.phase is Phase.HELD

    plain.release(element)
    plain.drain()
    assert element.succeeded


def test_a_program_that_does_not_stop_is_killed(plain, tmp_path) -> None:
    [element] = plain.enqueue(job(tmp_path, "trap '' TERM; touch deaf; while :; do sleep 0.01; done")).elements
    until(plain, (tmp_path / "deaf").exists)
    plain.cancel(element)
    assert element.phase is Phase.STOPPING

    plain.drain()
    assert (element.cause, element.signal) == (Cause.CANCELLED, 9)


def test_what_a_job_has_started_ends_with_it(plain, tmp_path) -> None:
    [element] = plain.enqueue(job(tmp_path, "(sleep 0.5; touch late) & touch begun; wait")).elements
    until(plain, (tmp_path / "begun").exists)
    plain.cancel(element)
    plain.drain()
    time.sleep(0.7)

    assert not (tmp_path / "late").exists()


def test_time_passes_as_fast_as_is_wished(tmp_path) -> None:
    with Plain(speed=3600) as quick:
        [element] = quick.enqueue(job(tmp_path, "sleep 600", limit=900)).elements
        quick.drain()

    assert element.cause is Cause.TIMEOUT


def test_a_requeued_job_appends_to_its_output(plain, tmp_path) -> None:
    queued = plain.enqueue(job(tmp_path, "echo again; [ -e here ] || { touch here; exec sleep 600; }"))
    [element] = queued.elements
    until(plain, (tmp_path / "here").exists)
    plain.preempt(element)
    plain.drain()

    assert (element.restarts, element.succeeded) == (1, True)
    assert (tmp_path / f"{queued.number}.None.log").read_text() == "again\nagain\n"


def test_a_job_waits_for_others_and_does_not_start_when_they_fail(plain, tmp_path) -> None:
    good = plain.enqueue(job(tmp_path, "sleep 0.1"))
    bad = plain.enqueue(job(tmp_path, "exit 1"))
    after = [plain.enqueue(job(tmp_path, "exit 0", after=[before.number])).elements[0] for before in (good, bad)]
    plain.drain()

    assert [element.cause for element in after] == [None, Cause.DEPENDENCY]


def test_a_job_whose_output_has_no_place_fails(plain, tmp_path) -> None:
    queued = job(tmp_path, "exit 0")
    queued.output = lambda _: Path("/nowhere/at/all")
    plain.enqueue(queued)
    plain.drain()

    assert queued.elements[0].cause is Cause.NO_OUTPUT


def test_refusals_and_failures_are_replies(plain) -> None:
    refusal = plain(Command(("refuse", "--now")))
    assert (refusal.code, refusal.err) == (3, "I would rather not\n")

    with pytest.raises(SchedulerError, match="no command 'sbatch' on this machine"):
        plain(Command(("sbatch",)))
    assert plain.commands == [("refuse", "--now"), ("sbatch",)]


def test_programs_break_and_are_mended(plain) -> None:
    plain.breaks("look", Answer("<html>"))
    assert plain(Command(("look",))).out == "<html>"
    plain.breaks("look", SchedulerError("it hangs"))
    with pytest.raises(SchedulerError, match="it hangs"):
        plain(Command(("look",)))

    plain.mend()
    assert plain(Command(("look",))).out == ""


def test_a_command_may_read_a_file(plain) -> None:
    assert plain(Command(("read",), stdin_file=Path("/a/job.sh"))).out == "/a/job.sh"


def test_only_what_has_ended_is_forgotten(plain, tmp_path) -> None:
    plain.enqueue(job(tmp_path, "exit 0"))
    plain.drain()
    running = plain.enqueue(job(tmp_path, "sleep 600"))
    plain.forget()

    assert list(plain.jobs) == [running.number]


def test_patience_has_an_end(plain, tmp_path) -> None:
    plain.enqueue(job(tmp_path, "sleep 600"))

    with pytest.raises(TimeoutError):
        plain.drain(0.05)


def test_nothing_outlives_a_stand_in_that_nobody_closes(tmp_path) -> None:
    standin = Plain()
    [element] = standin.enqueue(job(tmp_path, "sleep 600")).elements
    standin.advance()
    process = element.process
    assert process is not None
    assert process.poll() is None
    del standin
    gc.collect()

    assert process.poll() is not None


def until(plain, there) -> None:
    end = time.monotonic() + 30
    while not there():
        assert time.monotonic() < end
        plain.advance()
        time.sleep(0.01)
