"""From a plan to the queue: arrays and their parts, refusals and interruptions."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest

from typedxp.errors import ProfileError, SchedulerError, StoreError
from typedxp.runner import show
from typedxp.runner.following import follow
from typedxp.runner.planning import make_composer, plan
from typedxp.runner.retrying import Retrying, retry
from typedxp.runner.submitting import cluster_of, launch_jobs, submit_runs
from typedxp.schedulers import Slurm
from typedxp.schedulers.shell import Unanswered
from typedxp.stages.compose.grammar import parse
from typedxp.stages.submit import Work
from typedxp.store.claims import claimed, deciding
from typedxp.store.jobs import JobDirectory, jobs
from typedxp.testing.standin import Answer
from typedxp.vocabulary.records import RunStatus
from typedxp.worker.job import execute_job


def programs(shell):
    return [command[0] for command in shell.commands]


def records(store):
    return [directory.read() for directory in jobs(store)]


def runs_of(record):
    return [run for element in record.elements for run in element.runs]


def throttles(store):
    scripts = [(directory.path / "job.sh").read_text() for directory in jobs(store)]
    return [int(re.search(r"--array=0-\d+%(\d+)", script)[1]) for script in scripts]


def statuses(store):
    return [str(run.read_status().status) for run in store.runs()]


def test_a_sweep_is_one_array_and_one_command(launch, busy, store):
    launch(busy, 4)

    assert programs(busy) == ["sbatch"]
    [record] = records(store)
    assert runs_of(record) == [1, 2, 3, 4]
    assert [element.name for element in record.elements] == [f"{record.job}_{index}" for index in range(4)]


def test_a_single_run_is_a_plain_job_whose_script_is_in_the_run(launch, busy, store):
    launch(busy, 1)

    [record] = records(store)
    assert (record.array, record.elements[0].name) == (False, record.job)
    assert "--array" not in (store.root / "1" / "job.sh").read_text()


def test_an_array_that_is_too_large_is_split_at_the_limit_which_is_asked_for_after_the_refusal(launch, busy, store):
    launch(busy, 10)

    assert programs(busy) == ["sbatch", "scontrol", "sbatch", "sbatch", "sbatch"]
    assert list(map(runs_of, records(store))) == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert sum(len(job.elements) for job in busy.jobs.values()) == 10


def test_a_limit_in_the_profile_is_kept_without_asking(launch, busy, store):
    launch(busy, 5, max_array=2)

    assert programs(busy) == ["sbatch"] * 3
    assert list(map(runs_of, records(store))) == [[1, 2], [3, 4], [5]]
    assert "--array" not in (store.root / "5" / "job.sh").read_text()


@pytest.mark.parametrize("parallel", [3, 5, 7, 20])
def test_arrays_of_one_sweep_share_its_throttle(launch, busy, store, parallel):
    launch(busy, 10, parallel=parallel)

    assert sum(throttles(store)) == parallel
    assert all(record.profile["parallel"] == parallel for record in records(store))


def test_a_throttle_that_the_arrays_cannot_share_is_refused_before_anything_is_created(launch, busy, store):
    with pytest.raises(ProfileError, match=r"5 elements are 3 arrays of 2 at most, which cannot share parallel=2"):
        launch(busy, 5, max_array=2, parallel=2)

    assert busy.commands == []
    assert not store.path.exists()
    launch(busy, 5, max_array=2, parallel=2, pack=2)
    assert [len(record.elements) for record in records(store)] == [2, 1]


def test_a_throttle_that_the_arrays_of_a_scheduler_cannot_share_is_told(launch, busy, store, capsys):
    launch(busy, 10, parallel=2)

    assert len(records(store)) == 3
    assert "cannot share parallel=2: up to 3 run at the same time, one of each" in capsys.readouterr().err


def test_points_are_packed_into_elements(launch, busy, store):
    launch(busy, 7, pack=3)

    [record] = records(store)
    assert [element.runs for element in record.elements] == [(1, 2, 3), (4, 5, 6), (7,)]


@pytest.fixture
def missing(work):
    """Return a plan of what is missing of four points."""
    composer = make_composer(work, None, None)
    words = ["seed=range(4)", "xp.only=missing", "xp.snapshot=off", "xp/profile=slurm"]
    with composer.active():
        assignments, _ = parse(words, composer.group_options)
        return plan(work, composer, assignments, print)


def test_a_launch_leaves_out_what_another_one_has_begun_with_since_it_looked(launch, missing, busy, store, capsys):
    launch(busy, 2)

    made = launch_jobs(missing, None, ["train"], busy)

    assert [run.id for run in made.runs] == [1, 2, 3, 4]
    assert list(map(runs_of, records(store))) == [[1, 2], [3, 4]]
    assert "Another launch was quicker with some of these points (runs 1-2)" in capsys.readouterr().err
    assert launch_jobs(missing, None, ["train"], busy).jobs == ()
    assert statuses(store) == ["submitted"] * 4


def test_one_launch_at_a_time_decides_what_is_missing(store):
    decided = Event()

    def decide():
        with deciding(store):
            decided.set()

    with ThreadPoolExecutor() as pool:
        with deciding(store):
            other = pool.submit(decide)
            assert not decided.wait(0.1)
        other.result(10)
    assert decided.is_set()


def refuse_from(shell, number):
    """Let sbatch refuse from its ``number``-th call on."""
    original, calls = shell.programs["sbatch"], []

    def sbatch(words):
        calls.append(words)
        return (
            original(words)
            if len(calls) < number
            else Answer(err="sbatch: error: QOSMaxSubmitJobPerUserLimit\n", code=1)
        )

    return {**shell.programs, "sbatch": sbatch}


@pytest.fixture
def broken(busy, monkeypatch):
    """Return a Slurm whose sbatch takes one array, and refuses what follows."""
    monkeypatch.setattr(type(busy), "programs", refuse_from(busy, 2))
    return busy


def test_a_refusal_in_the_middle_keeps_what_is_submitted_and_quotes_the_scheduler(launch, broken, store, look):
    with pytest.raises(SchedulerError, match="QOSMaxSubmitJobPerUserLimit"):
        launch(broken, 5, max_array=2)

    assert statuses(store) == ["submitted"] * 2 + ["failed"] * 3
    assert "QOSMaxSubmitJobPerUserLimit" in store.run(5).read_status().cause
    assert [record.refused is None for record in records(store)] == [True, False]
    assert all(record.withdrawn == () for record in records(store))
    assert runs_of(records(store)[1]) == [3, 4, 5]
    assert [str(look(broken)[run].status.status) for run in (1, 3)] == ["submitted", "failed"]


def test_what_was_refused_is_completed_by_a_retry(launch, busy, store, look, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(type(busy), "programs", refuse_from(busy, 2))
        with pytest.raises(SchedulerError):
            launch(busy, 5, max_array=2, time="2h")
    left = [one for one in look(busy).values() if one.status.status.final]

    made = list(retry(left, Retrying(), busy))

    assert [runs_of(record) for _, record in made] == [[3, 4], [5]]
    assert statuses(store) == ["submitted"] * 5
    assert records(store)[-1].profile["time"] == "02:00:00"
    assert [one.found.native for one in look(busy).values()] == ["PENDING"] * 5


def test_a_job_that_was_taken_without_an_answer_begins_with_nothing_and_its_runs_are_retried(
    launch, busy, store, look, monkeypatch, capsys
):
    original = busy.programs["sbatch"]

    def taken_in_silence(words):
        original(words)
        raise Unanswered("`sbatch` did not answer within 60 seconds.")

    with monkeypatch.context() as patch:
        patch.setattr(type(busy), "programs", {**busy.programs, "sbatch": taken_in_silence})
        with pytest.raises(SchedulerError, match=r"^it is not known whether slurm took the job work"):
            launch(busy, 2)

    assert len(busy.jobs) == 1
    assert statuses(store) == ["failed"] * 2
    cause = store.run(2).read_status().cause
    assert cause.startswith("it is not known whether slurm took the job")
    assert "or cancel it there" in cause
    show.submitted([(directory, directory.read()) for directory in jobs(store)])
    assert "Runs 1-2: it is not known whether" in capsys.readouterr().err
    assert "did not answer within 60 seconds" in store.run(2).read_status().cause
    assert execute_job(next(iter(jobs(store))), "1_1", "1") == 1
    assert store.run(2).read_status().attempt == 0
    [(_, again)] = retry(list(look(busy).values()), Retrying(), busy)
    assert runs_of(again) == [1, 2]
    assert again.withdrawn == ()
    assert statuses(store) == ["submitted"] * 2


def test_a_run_that_a_job_has_begun_with_before_the_launcher_gives_up_is_not_called_failed(
    launch, busy, store, monkeypatch
):
    with ExitStack() as worker, monkeypatch.context() as patch:

        def begun_in_silence(_):
            # It has not even said that it is running.
            worker.enter_context(claimed(store.run(1), 1))
            raise Unanswered("`sbatch` did not answer within 60 seconds.")

        patch.setattr(type(busy), "programs", {**busy.programs, "sbatch": begun_in_silence})
        with pytest.raises(SchedulerError, match="not known"):
            launch(busy, 2)

        assert statuses(store) == ["submitted", "failed"]


def test_what_an_interruption_leaves_out_is_marked_and_retried(launch, busy, store, look, tmp_path):
    launch(busy, 1)
    runs = [store.allocate(1)[0] for _ in range(5)]
    for run in runs:
        for name in ("run.json", "config.yaml", "status.json"):
            (run.path / name).write_bytes((store.root / "1" / name).read_bytes())
    profile = Slurm(max_array=2)
    submission = submit_runs(cluster_of(profile, busy), profile, Work("work", tmp_path, "python"), runs)

    next(submission)
    submission.close()

    assert statuses(store)[1:] == ["submitted"] * 2 + ["cancelled"] * 3
    assert store.run(6).read_status().cause == "not submitted: the submission was interrupted"
    left = [one for one in look(busy).values() if one.status.status.final]
    assert [runs_of(record) for _, record in retry(left, Retrying(), busy)] == [[4, 5], [6]]


def test_a_job_that_cannot_be_recorded_does_not_stay_in_the_queue(launch, busy, store, monkeypatch):
    written, original = [], JobDirectory.write

    def write(self, record):
        written.append(record)
        if record.job is not None:
            raise StoreError("No space left on device.")
        original(self, record)

    monkeypatch.setattr(JobDirectory, "write", write)

    with pytest.raises(StoreError, match="No space left"):
        launch(busy, 3)

    assert [element.cause for element in busy.elements()] == ["cancelled"] * 3
    assert statuses(store) == ["failed"] * 3


def test_what_was_killed_in_the_middle_of_its_submission_is_lost_and_its_profile_is_known(
    launch, busy, store, monkeypatch
):
    class Killed(BaseException):
        pass

    def killed(_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(busy), "programs", {"sbatch": killed})
        # As kill -9 does, which leaves nobody who marks anything.
        patch.setattr("typedxp.runner.submitting._mark", lambda *_: None)
        with pytest.raises(Killed):
            launch(busy, 3, time="2h")
    [record] = records(store)
    JobDirectory(store.root / "jobs" / "1").write(type(record)(**{**vars(record), "refused": None}))
    assert statuses(store) == ["submitted"] * 3
    monkeypatch.setattr("typedxp.runner.following.SUBMITTING", 0.0)

    lost = follow(store, store.runs(), print, busy)

    assert {one.status.status for one in lost} == {RunStatus.LOST}
    assert "typedxp retry" in lost[0].status.cause
    [(_, again)] = retry(lost, Retrying(), busy)
    assert again.profile["time"] == "02:00:00"
