"""Which elements may start: never more than there is room for, and nobody waits for ever."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from typedxp.schedulers.queue.choosing import Demand, Usage, choose
from typedxp.schedulers.queue.tracked import Tracked
from typedxp.schedulers.queue.waiting import why_waiting
from typedxp.schedulers.queue.words import Options, QueuedJob, Record, Word


def chosen(*demands: Demand, usage: Usage | None = None, cpus: int = 8) -> list[tuple[int, tuple[str, ...]]]:
    return list(choose(demands, usage or Usage(), cpus))


def test_elements_start_in_the_order_of_jobs_until_the_slots_are_taken():
    assert chosen(Demand(1, 2, 0, slots=3), Demand(2, 2, 0, slots=3)) == [(1, ()), (1, ()), (2, ())]


def test_what_runs_already_takes_slots():
    assert chosen(Demand(1, 5, 2, slots=3), usage=Usage(running=2, cpus=2)) == [(1, ())]


def test_a_throttled_job_leaves_room_for_others():
    assert chosen(Demand(1, 5, 0, slots=3, parallel=1), Demand(2, 5, 0, slots=3)) == [(1, ()), (2, ()), (2, ())]


def test_a_job_that_waits_for_slots_is_not_overtaken():
    usage = Usage(running=2, cpus=2)

    assert chosen(Demand(1, 1, 0, slots=2), Demand(2, 1, 0, slots=8), usage=usage) == []


def test_a_job_that_waits_for_cpus_is_not_overtaken():
    usage = Usage(running=1, cpus=4)

    assert chosen(Demand(1, 1, 0, slots=8, cpus=6), Demand(2, 1, 0, slots=8, cpus=1), usage=usage) == []


def test_a_job_that_waits_for_gpus_is_overtaken_by_those_without_but_keeps_what_it_waits_for():
    usage = Usage(running=1, cpus=1, gpus={"0"})
    first = Demand(1, 1, 0, slots=8, gpus=2, gpu_ids=("0", "1"))
    other = Demand(2, 1, 0, slots=8, gpus=1, gpu_ids=("1", "2"))

    assert chosen(first, other, Demand(3, 1, 0, slots=8), usage=usage) == [(2, ("2",)), (3, ())]


def test_runs_without_cpus_go_by_slots_only():
    assert len(chosen(Demand(1, 20, 0, slots=16), cpus=2)) == 16


IDS = st.lists(st.sampled_from("0123"), unique=True).map(tuple)
DEMANDS = st.lists(
    st.builds(
        lambda demand, ids, gpus: replace(demand, gpu_ids=ids, gpus=min(gpus, len(ids))),
        st.builds(
            Demand,
            job=st.just(0),
            waiting=st.integers(1, 5),
            running=st.just(0),
            slots=st.integers(1, 6),
            parallel=st.none() | st.integers(1, 3),
            cpus=st.none() | st.integers(1, 4),
        ),
        IDS,
        st.integers(0, 2),
    ),
    max_size=5,
).map(lambda demands: [replace(demand, job=number) for number, demand in enumerate(demands)])


@given(DEMANDS)
def test_no_gpu_is_handed_out_twice_and_no_limit_is_passed(demands):
    found = chosen(*demands, cpus=4)
    gpus = [gpu for _, ids in found for gpu in ids]

    assert len(gpus) == len(set(gpus))
    for place, (job, ids) in enumerate(found):
        assert place < demands[job].slots
        assert len(ids) == demands[job].gpus
        assert set(ids) <= set(demands[job].gpu_ids)
    for job, count in Counter(job for job, _ in found).items():
        assert count <= min(demands[job].waiting, demands[job].parallel or 5)


@given(DEMANDS)
def test_where_nothing_runs_the_first_job_starts(demands):
    assert [job for job, _ in chosen(*demands, cpus=4)[:1]] == [0][: len(demands)]


def job(number: int, running: int, count: int, **options) -> Tracked:
    """Return an array of which the first elements run."""
    queued = QueuedJob(number, "/", 0o77, Options("a", "b", **{"slots": 8, "array": tuple(range(count)), **options}))
    gpus = options.get("gpu_ids", ())
    words = [Record(Word.RUNNING, gpus=gpus[:1])] * running + [Record(Word.QUEUED)] * (count - running)
    return Tracked(queued, dict(zip(queued.names, words, strict=True)))


def why(*jobs: Tracked, ended: frozenset[int] = frozenset()) -> dict[str, str]:
    return why_waiting({tracked.job.id: tracked for tracked in jobs}, ended.__contains__, 8)


def test_what_waits_for_a_place_says_how_many_are_ahead():
    assert why(job(1, 2, 4, slots=2), job(2, 0, 1)) == {
        "1_2": "waits for a place: 2 run already, slots=2",
        "1_3": "waits for a place: 2 run already, slots=2, 1 ahead",
        "2_0": "waits for its turn, 2 ahead",
    }


def test_what_is_about_to_start_does_not_say_that_it_waits():
    assert why(job(1, 1, 4, slots=2)) == {
        "1_2": "waits for a place: 2 run already, slots=2",
        "1_3": "waits for a place: 2 run already, slots=2, 1 ahead",
    }


def test_what_waits_for_something_else_than_a_place_says_so():
    assert why(job(1, 1, 2, parallel=1)) == {"1_1": "1 of its job run already: parallel=1"}
    assert why(job(1, 1, 2, gpus=1, gpu_ids=("0",))) == {"1_1": "waits for 1 of the GPUs 0"}
    assert why(job(1, 1, 2, cpus=6)) == {"1_1": "waits for 6 of 8 CPUs: 6 are taken"}
    assert why(job(1, 1, 1), job(2, 0, 1, after=(1,))) == {"2_0": "runs after job 1"}
    assert why(job(2, 0, 1, after=(1,)), ended=frozenset({1})) == {}
