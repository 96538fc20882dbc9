"""What is done to submitted runs, with stand-ins for schedulers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from typedxp.errors import SchedulerError
from typedxp.runner.acting import astray, cancel, companions, hold, release
from typedxp.runner.following import follow
from typedxp.schedulers import Pbs
from typedxp.store.jobs import JobDirectory, jobs
from typedxp.testing.pbs import FakePbs
from typedxp.testing.slurm import FakeSlurm
from typedxp.testing.standin import Phase
from typedxp.vocabulary.clock import now
from typedxp.vocabulary.records import RunStatus
from typedxp.worker.job import execute_job


def ids(standings):
    return [standing.directory.id for standing in standings]


def words(found):
    return {run: str(one.status.status) for run, one in found.items()}


def job_of(store, number=1):
    return JobDirectory(store.root / "jobs" / str(number))


def test_what_is_cancelled_in_the_queue_is_cancelled_there_and_here_and_nothing_else(launch, busy, look):
    launch(busy, 4)
    found = look(busy)

    assert ids(cancel([found[2], found[4]], busy)) == [2, 4]

    assert [element.cause for element in busy.elements()] == [None, "cancelled", None, "cancelled"]
    assert words(look(busy)) == {1: "submitted", 2: "cancelled", 3: "submitted", 4: "cancelled"}


def test_all_that_is_left_of_an_array_is_cancelled_by_its_own_name(launch, busy, look):
    launch(busy, 4)
    cancel([look(busy)[1]], busy)

    cancel([one for one in look(busy).values() if not one.status.status.final], busy)

    assert busy.commands[-1] == ("scancel", "1")


def test_a_worker_does_not_begin_with_a_run_that_was_cancelled_meanwhile(launch, busy, look, store, capsys):
    launch(busy, 2)
    cancel([look(busy)[2]], busy)
    before = {path: path.read_bytes() for path in store.run(2).path.rglob("*") if path.is_file()}

    assert execute_job(job_of(store), "1_1", "1") == 1

    assert {path: path.read_bytes() for path in store.run(2).path.rglob("*") if path.is_file()} == before
    assert "left alone" in capsys.readouterr().err


def test_what_is_cancelled_does_not_begin_even_if_the_scheduler_did_not_answer(launch, busy, look, store):
    launch(busy, 2)
    found = look(busy)
    busy.breaks("scancel", SchedulerError("`scancel` did not answer within 60 seconds."))

    with pytest.raises(SchedulerError, match="did not answer"):
        cancel([found[1]], busy)

    assert job_of(store).read().withdrawn == (1,)
    assert store.run(1).read_status().status == "submitted"


def test_a_run_of_whose_job_nothing_is_known_is_marked_and_not_called_cancelled(launch, busy, look, store):
    launch(busy, 2)
    (job_of(store).path / "job.json").unlink()

    found = list(look(busy).values())
    assert cancel(found, busy) == []
    assert ids(astray(found)) == [1, 2]
    assert set(words(look(busy)).values()) == {"cancelled"}


def test_what_shares_an_element_is_named(launch, busy, look):
    launch(busy, 4, pack=3)
    found = look(busy)

    assert companions([found[2]]) == [1, 3]
    assert companions([found[4]]) == []


def test_only_what_waits_is_held_and_only_what_is_held_is_released(launch, look):
    with FakeSlurm(slots=1) as slurm:
        launch(slurm, 3)
        first, *rest = slurm.elements()
        first.phase = Phase.RUNNING

        assert ids(hold(list(look(slurm).values()), slurm)) == [2, 3]
        assert slurm.commands[-1] == ("scontrol", "hold", "1_[1-2]")
        assert [element.phase for element in rest] == [Phase.HELD] * 2
        assert look(slurm)[2].found.state == "held"
        assert ids(release([look(slurm)[1], look(slurm)[3]], slurm)) == [3]
        assert [element.phase for element in rest] == [Phase.HELD, Phase.QUEUED]
        first.phase = Phase.ENDED


def test_a_run_that_has_just_started_is_not_put_back_by_a_scheduler_that_is_behind(launch, busy, look, store):
    launch(busy, 1)
    running = replace(store.run(1).read_status(), status=RunStatus.RUNNING, start=now(), attempt=1, job="1")
    store.run(1).write_status(running)

    assert look(busy)[1].status == running


@pytest.fixture
def pbs(work, store):
    """Return a PBS with an array of three."""
    with FakePbs(slots=0) as shell:
        work.sweep({"seed": range(3)}, profile=Pbs(), xp={"snapshot": "off"}, shell=shell)
        yield shell


def test_an_array_of_pbs_is_held_as_a_whole_even_if_a_part_of_it_has_ended(pbs, store):
    found = follow(store, store.runs(), print, pbs)
    cancel(found[:1], pbs)
    found = follow(store, store.runs(), print, pbs)

    assert ids(hold(found, pbs)) == [2, 3]

    [record] = [directory.read() for directory in jobs(store)]
    assert pbs.commands[-1] == ("qhold", record.job)


def test_a_part_of_an_array_of_pbs_cannot_be_held(pbs, store):
    found = follow(store, store.runs(), print, pbs)

    with pytest.raises(SchedulerError, match="whole arrays only"):
        hold(found[:1], pbs)
